"""`make demo`, as a newcomer would see it."""

import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest
from template import TIMEOUT_SECONDS, Machine

from demo.service import PORTS

SECTIONS = (
    *("Probes", "Golden signals", "Objectives", "One trace", "The page that would go out", "Where to look next"),
    "Open this page and press",
)
LOGIN = re.compile(r"^(http://127\.0\.0\.1:\d+/console)/login\?token=([0-9a-f]{32})$", re.MULTILINE)

pytestmark = pytest.mark.slow


@contextmanager
def demo(machine: Machine, template: Path, **environment: str) -> Iterator[subprocess.Popen[str]]:
    """Run the demo in the template's directory, and end it."""
    kept = {name: value for name, value in machine.environment().items() if not name.startswith("OTEL_")}
    process = subprocess.Popen(
        [sys.executable, "-m", "demo"],
        cwd=template,
        env={**kept, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def ended(process: subprocess.Popen[str]) -> tuple[int, str]:
    """Wait for the end: exit status and everything that was printed."""
    page, _ = process.communicate(timeout=TIMEOUT_SECONDS)
    return process.returncode, page


def test_the_page_shows_every_signal_and_the_demo_ends_by_itself(machine: Machine, template: Path) -> None:
    """With `DURATION`, and with exit status 0."""
    with demo(machine, template, DURATION="0.1") as process:
        status, page = ended(process)
    assert status == 0, page
    assert [section for section in SECTIONS if section not in page] == []
    assert page.count(" 200  /health/") == 3
    assert "1 RuntimeError" in page
    assert re.search(r"availability +99\.90% +1 of \d+", page)
    assert re.search(r"latency +99\.00% within 0\.25 s +[1-9]\d* of \d+", page)  # more where the machine is busy
    assert "http.request_failed" in page
    assert re.search(r" ms  GET /faults/fail  server  error ", page)
    assert "The button Fail was pressed: 40 requests in " in page
    assert "[FIRING:1] P1 acme-links (development) is spending its error budget far too" in page
    assert "What to do: Roll back the last change" in page
    assert len(LOGIN.findall(page)) == 1
    assert page.count("/login?token=") == 1
    assert "Missing" not in page
    assert "hunter2" not in page


def test_a_missing_signal_is_named_and_fails_the_demo(machine: Machine, template: Path) -> None:
    """Without sampling there are no exemplars and no spans, which the page expects."""
    with demo(machine, template, DURATION="0.1", OTEL_TRACES_SAMPLER="always_off") as process:
        status, page = ended(process)
    assert status == 1, page
    assert "Missing: no exemplar carries the failed request's trace id." in page
    assert "Missing: no span of the failed request is on the console." in page


def test_ctrl_c_drains_the_service(machine: Machine, template: Path) -> None:
    """Without `DURATION` it serves until then, on another port where the usual one is taken."""
    with ExitStack() as stack:
        with suppress(OSError):  # somebody else has it
            stack.enter_context(socket.create_server(("127.0.0.1", PORTS["PORT"])))
        process = stack.enter_context(demo(machine, template))
        assert process.stdout is not None
        page = ""
        for line in process.stdout:
            page += line
            if "Serving until Ctrl-C" in line:
                break
        port = re.search(r"http://127\.0\.0\.1:(\d+)/api/v1/links", page)
        assert port is not None, page
        look = [template / "build/demo/acme-links/.venv/bin/python", "-m", "firstlight", "look"]
        seen = machine.run([*map(str, look)], template / "build/demo/acme-links")
        assert seen.status == 0, seen.stderr
        assert re.search(r"\n  \S+ GET /faults/fail 500 RuntimeError ", seen.stdout), seen.stdout
        with socket.create_connection(("127.0.0.1", int(port[1])), TIMEOUT_SECONDS) as connection:
            process.send_signal(signal.SIGINT)
            status, rest = ended(process)
            assert connection.recv(1) == b""  # whoever gets the port next has not this connection
    page += rest
    assert status == 0, page
    assert "The service ended with exit status 0." in page


def test_a_bad_duration_is_refused(machine: Machine, template: Path) -> None:
    """Before anything is generated."""
    with demo(machine, template, DURATION="soon") as process:
        status, page = ended(process)
    assert (status, page.strip()) == (2, "DURATION must be a number of seconds, such as 20, not 'soon'.")
