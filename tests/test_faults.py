"""`make fault-test`: its catalogue, its page, and three rows of it on a real service."""

import os
import re
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from template import ROOT, Machine, replace

from faults.catalogue import ROWS
from faults.reversal import REVERTS
from faults.row import SUBJECTS

PAGE = ROOT / "docs" / "reliability.md"
FAULTS_SECONDS = 180  # a row takes up to a minute
REFUSALS = "vendor/firstlight/src/firstlight/requests/refusals.py"


def environment(machine: Machine, **variables: str) -> dict[str, str]:
    """Variables for the command."""
    return {**machine.environment(), **variables}


def run(machine: Machine, template: Path, *arguments: str, **variables: str) -> tuple[int, str]:
    """Run the command in the template's directory: exit status and everything that was printed."""
    done = subprocess.run(
        [sys.executable, "-m", "faults", *arguments],
        cwd=template,
        env=environment(machine, **variables),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=FAULTS_SECONDS,
    )
    return done.returncode, done.stdout


def test_rows_have_names_of_their_own() -> None:
    """They are keys of the outcomes."""
    assert [name for name, count in Counter(row.name for row in ROWS).items() if count > 1] == []


def test_each_subject_has_a_row() -> None:
    """Shedding (7) is part of overload (8)."""
    assert set(SUBJECTS) - {row.item for row in ROWS} == {7}


def test_what_is_reverted_is_a_row() -> None:
    """A row that was renamed would never be turned red."""
    named = {name for revert in REVERTS for name in revert.rows}
    assert named - {row.name for row in ROWS} == set()


def test_the_page_lists_every_row() -> None:
    """`make fault-test WRITE=1` after a change of the catalogue."""
    listed = re.findall(r"^\| (\d+) \| ([^|]+) \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert [(int(item), name) for item, name in listed] == [(row.item, row.name) for row in ROWS]


def test_the_page_turned_every_reverted_row_red() -> None:
    """`make fault-test REVERT=1 WRITE=1` after a change of the reverts."""
    page = PAGE.read_text(encoding="utf-8")
    assert [name for revert in REVERTS for name in revert.rows if f"\n| {name} | {revert.what}" not in page] == []
    assert "STILL GREEN" not in page


def test_an_unknown_row_is_refused(machine: Machine, template: Path) -> None:
    """With the names of those there are."""
    status, output = run(machine, template, "--rows", "no such row")
    assert status == 2
    assert "malformed requests" in output


@pytest.mark.slow
def test_a_row_passes_and_fails_without_its_mend(machine: Machine, template: Path) -> None:
    """The table says what was seen, a sentence what was expected."""
    status, output = run(machine, template, "--rows", "malformed requests,bound field")
    assert status == 0, output
    line = r"^13 +malformed requests .*400: 200 .*service/malformed 200.*passed$"
    assert re.search(line, output, re.MULTILINE), output
    service = template / "build" / "faults" / "generated" / "acme-links"
    replace(service / REFUSALS, "_COUNTS[self._listener, reason].inc()", "del reason")
    status, output = run(machine, template, "--rows", "malformed requests", SERVICE=str(service))
    assert status == 1, output
    sentence = "malformed requests: expected http_server_refusals_total{listener=service,reason=malformed}: 200; saw 0."
    assert sentence in output, output


@pytest.mark.slow
def test_nothing_is_left_after_an_interrupt(machine: Machine, template: Path) -> None:
    """Neither the service nor what observes it."""
    process = subprocess.Popen(
        [sys.executable, "-m", "faults", "--rows", "bound field,endless target"],
        cwd=template,
        env=environment(machine),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # noqa: PLW1509 - we have no threads
    )
    try:
        assert process.stdout is not None
        assert any("passed endless target" in line for line in process.stdout)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=FAULTS_SECONDS)
        assert process.returncode == 130
        assert below(template) == []
    finally:
        process.kill()
        process.communicate()


def below(directory: Path) -> list[str]:
    """The processes whose working directory is here or further down."""
    found = []
    for process in Path("/proc").iterdir():
        try:
            if process.name.isdigit() and int(process.name) != os.getpid():
                where = (process / "cwd").readlink()
                found += [process.name] if where.is_relative_to(directory) else []
        except OSError:
            continue
    return found
