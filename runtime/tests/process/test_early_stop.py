"""SIGTERM works from the first instruction on, also for process 1 of a container."""

import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from ..conftest import PROGRAMS, TIMEOUT_SECONDS

HASTY = str(PROGRAMS / "hasty.py")
BLOCK = ["env", "--block-signal=TERM"]  # the entrypoint of the image
FIRST = ["unshare", "--user", "--map-root-user", "--pid", "--fork", "--kill-child"]
# From the start of Python to some moment after the service is up, on a machine that is fast or slow.
DELAYS = (0.0, 0.02, 0.06, 0.15, 0.3, 0.6)
PROMPT_SECONDS = 15.0  # for a machine that is busy; nothing waits for anything
TERMINATED = 143
ENVIRONMENT = {"PORT": "0", "MANAGEMENT_PORT": "0", "DRAIN_SECONDS": "0", "LOG_FORMAT": "json"}

STATUSES = {
    (): {0},
    ("worker",): {TERMINATED, 0},  # before the names of processes are known, and after
    ("add", "1"): {TERMINATED, 1, 0},  # 0 only for a command that has done its work
}


def _can_be_first() -> bool:
    return shutil.which("unshare") is not None and subprocess.run([*FIRST, "true"], check=False).returncode == 0  # noqa: S603


def _child(pid: int) -> int:
    """The process that `unshare` has started, when it runs Python."""
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while time.monotonic() < deadline:
        for child in Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii").split():
            if Path(f"/proc/{child}/cmdline").read_bytes().startswith(sys.executable.encode()):
                return int(child)
    msg = "there is no first process"
    raise AssertionError(msg)


def _stop(command: list[str], delay: float, *, first: bool) -> tuple[int, str, list[str]]:
    with subprocess.Popen(  # noqa: S603 - the service under test
        command, env={**os.environ, **ENVIRONMENT}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        target = _child(process.pid) if first else process.pid
        time.sleep(delay)  # the moment is what this is about
        began = time.monotonic()
        with suppress(ProcessLookupError):  # a command may have done its work
            os.kill(target, signal.SIGTERM)
        try:
            out, error = process.communicate(timeout=PROMPT_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            pytest.fail(f"SIGTERM after {delay} s was lost")
    assert time.monotonic() - began < PROMPT_SECONDS
    return process.returncode, error, out.splitlines()


@pytest.mark.skipif(not _can_be_first(), reason="this machine gives no namespace for processes")
@pytest.mark.parametrize("arguments", STATUSES, ids=lambda arguments: " ".join(arguments) or "web")
def test_process_1_handles_sigterm_at_any_time(arguments: tuple[str, ...]) -> None:
    """The kernel drops a signal without a handler, unless the signal is blocked."""
    for delay in DELAYS:
        command = [*FIRST, *BLOCK, sys.executable, HASTY, "jobs", *arguments]
        status, error, lines = _stop(command, delay, first=True)
        done = any("command.finished" in line for line in lines)
        assert status in STATUSES[arguments] - (set() if done or arguments != ("add", "1") else {0}), delay
        assert error == ""


@pytest.mark.parametrize("delay", DELAYS[2::2])
def test_other_processes_handle_sigterm_at_any_time(delay: float) -> None:
    """Without the entrypoint of the image, the signal itself ends the process before there is a handler."""
    status, error, _ = _stop([sys.executable, HASTY, "jobs", "worker"], delay, first=False)

    assert status in {-signal.SIGTERM, TERMINATED, 0}
    assert error == ""


def test_ctrl_c_during_the_imports_prints_no_traceback() -> None:
    """The exit status is 130, without output."""
    done = subprocess.run(  # noqa: S603 - the service under test
        [sys.executable, HASTY, "interrupted"],
        env={**os.environ, **ENVIRONMENT},
        capture_output=True,
        text=True,
        check=False,
        timeout=TIMEOUT_SECONDS,
    )
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


@pytest.mark.parametrize("then", ["raise RuntimeError from stop", "pass"], ids=["wrapped", "swallowed"])
def test_an_import_may_catch_the_end(tmp_path: Path, then: str) -> None:
    """SIGTERM during the import of the service raises `SystemExit` there. The process ends without a traceback."""
    source = f"""
import os, signal
try:
    os.kill(os.getpid(), signal.SIGTERM)
except SystemExit as stop:
    {then}
from firstlight import Identity, Service
SERVICE = Service(identity=Identity(name="parcels", version="1"))
"""
    (tmp_path / "parcels.py").write_text(source, "utf-8")
    done = subprocess.run(
        [sys.executable, "-c", "import sys; from firstlight import main; sys.exit(main('parcels', ['worker']))"],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
        timeout=TIMEOUT_SECONDS,
    )
    assert (done.returncode, done.stdout, done.stderr) == (TERMINATED, "", "")
