"""run-command: output goes to the journal, the result to Prometheus, and a failure is one sentence."""

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from template import ROOT, SERVICE_DIRECTORY

RUN = ROOT / SERVICE_DIRECTORY / "deploy/ansible/roles/service/files/run_command.py"
LABELS = '{service="acme",env="staging",command="prepare"}'
FAILED = r"""{"event":"command.failed","exception":"RuntimeError: the \"table\" is locked\n  File \"x.py\"\nmore"}"""
STOPPED = '{"event":"command.failed","command":"prepare","reason":"it was told to stop"}'

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def textfiles(tmp_path: Path) -> Path:
    """Make the directory that node_exporter reads."""
    directory = tmp_path / "textfiles"
    directory.mkdir()
    return directory


@pytest.fixture
def run(tmp_path: Path, textfiles: Path) -> Run:
    """Run a script as a command, on a host whose journal is a file."""
    journal = tmp_path / "bin/systemd-cat"
    journal.parent.mkdir()
    journal.write_text(f'#!/bin/sh\necho "$1" > {tmp_path}/identifier\nexec cat > {tmp_path}/journal\n')
    journal.chmod(0o755)
    environment = os.environ | {"PATH": f"{journal.parent}:{os.environ['PATH']}"}

    def run(script: str, within: str = "60") -> subprocess.CompletedProcess[str]:
        words = ["--service", "acme", "--env", "staging", "--command", "prepare", "--within", within]
        command = [sys.executable, "-I", str(RUN), *words, "--textfiles", str(textfiles), "--", "sh", "-c", script]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)

    return run


def metrics(textfiles: Path) -> dict[str, float]:
    """Read what Prometheus would."""
    (file,) = textfiles.iterdir()
    assert file.name == "acme-prepare.prom"
    assert file.stat().st_mode & 0o777 == 0o644
    lines = [line.rsplit(" ", 1) for line in file.read_text("utf-8").splitlines() if not line.startswith("#")]
    return {name: float(value) for name, value in lines}


def test_a_success_is_reported_to_prometheus_and_the_journal(run: Run, textfiles: Path, tmp_path: Path) -> None:
    """It prints nothing."""
    before = time.time()
    done = run("echo one; echo two >&2")

    assert (done.returncode, done.stdout) == (0, "")
    assert (tmp_path / "identifier").read_text() == "--identifier=acme-prepare\n"
    assert (tmp_path / "journal").read_text() == "one\ntwo\n"
    told = metrics(textfiles)
    assert told[f"command_last_run_success{LABELS}"] == 1
    assert before - 1 <= told[f"command_last_run_timestamp_seconds{LABELS}"] <= time.time() + 1


@pytest.mark.parametrize(
    ("script", "sentence"),
    [
        (f"printf '%s\\n' '{FAILED}'; exit 1", 'the command prepare failed: RuntimeError: the "table" is locked'),
        (f"echo '{STOPPED}'; exit 1", "the command prepare failed: it was told to stop"),
        ("echo acme: URL must be one; exit 2", "the command prepare ended with status 2; its last line was: acme: URL"),
        ("kill -KILL $$", "the command prepare ended with status 137 (killed, perhaps at its memory limit)"),
        ("echo '[1]'; exit 1", "the command prepare ended with status 1; its last line was: [1]"),
    ],
)
def test_one_that_fails_is_one_sentence_after_its_last_lines(
    run: Run, textfiles: Path, script: str, sentence: str
) -> None:
    """By its event where it has logged one."""
    assert run("exit 0").returncode == 0

    done = run(f"seq 30; {script}")

    assert done.returncode == 1
    assert done.stderr == ""
    *lines, last = done.stdout.splitlines()
    assert last.startswith(sentence)
    assert len(last) <= 300
    assert len(lines) == 10
    assert lines[0] in {"21", "22"}
    assert metrics(textfiles)[f"command_last_run_success{LABELS}"] == 0


def test_a_failure_without_output_is_reported(run: Run) -> None:
    """The sentence says that there was no output."""
    done = run("exit 3")

    assert (done.returncode, done.stdout) == (1, "the command prepare ended with status 3 without any output\n")


def test_a_command_beyond_its_limit_is_ended(run: Run, textfiles: Path) -> None:
    """With all of its child processes."""
    done = run("echo begun; exec sleep 60", within="1")

    assert done.returncode == 1
    assert done.stdout == "begun\nthe command prepare did not end within 1 s\n"
    assert metrics(textfiles)[f"command_last_run_success{LABELS}"] == 0


def test_where_there_is_no_node_exporter_nothing_is_written(run: Run, textfiles: Path) -> None:
    """The command succeeds all the same."""
    textfiles.rmdir()

    assert run("exit 0").returncode == 0
    assert not textfiles.exists()


def test_a_journal_that_is_gone_is_no_failure_of_the_command(run: Run, textfiles: Path, tmp_path: Path) -> None:
    """The result is that of the command."""
    (tmp_path / "bin/systemd-cat").write_text("#!/bin/sh\nexit 1\n")

    assert run("sleep 0.1; seq 100000").returncode == 0
    assert metrics(textfiles)[f"command_last_run_success{LABELS}"] == 1


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is missing: apt-get install prometheus")
def test_promtool_accepts_the_metrics(run: Run, textfiles: Path) -> None:
    """Help, types and names pass `promtool check metrics`."""
    assert run("exit 0").returncode == 0
    text = (textfiles / "acme-prepare.prom").read_text("utf-8")
    done = subprocess.run(
        ["promtool", "check", "metrics"], input=text, capture_output=True, text=True, check=False, timeout=60
    )

    assert re.sub(r"\s", "", done.stdout + done.stderr) == ""
    assert done.returncode == 0
