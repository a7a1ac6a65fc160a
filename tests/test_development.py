"""A developer's terminal: `make run`, `make look` and `make settings` of a generated service."""

import json
import os
import pty
import re
import select
import signal
import subprocess
import termios
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from live import call
from template import TIMEOUT_SECONDS, Machine

from bench.ports import free_port

COLOUR = re.compile(r"\x1b\[\d*m")
# Ctrl-C reaches what has the terminal in front of it; pytest may run where SIGINT is ignored.
IN_FRONT = "import fcntl,os,signal,termios;signal.signal(2,signal.SIG_DFL);fcntl.ioctl(0,termios.TIOCSCTTY,0);"

pytestmark = pytest.mark.slow


class Terminal:
    """A terminal with one command in front of it."""

    def __init__(self, machine: Machine, directory: Path, command: str, **variables: str) -> None:
        """Start the command."""
        self._ours, inside = pty.openpty()
        attributes = termios.tcgetattr(inside)
        attributes[1] &= ~termios.ONLCR
        termios.tcsetattr(inside, termios.TCSANOW, attributes)
        program = f"{IN_FRONT}os.execvp('make', {command.split()!r})"
        self.process = subprocess.Popen(
            ["python3", "-c", program],
            cwd=directory,
            env={**machine.environment(), "TERM": "xterm", **variables},
            stdin=inside,
            stdout=inside,
            stderr=inside,
            start_new_session=True,
        )
        os.close(inside)
        self.text = ""

    def wait_for(self, words: str) -> str:
        """Read until these words come. Returns what came with them, without colours."""
        start, deadline = len(self.text), time.monotonic() + TIMEOUT_SECONDS
        while words not in COLOUR.sub("", self.text[start:]):
            assert time.monotonic() < deadline, f"no {words!r}: {self.text}"
            if select.select([self._ours], [], [], 0.1)[0]:
                self.text += os.read(self._ours, 65_536).decode()
        return COLOUR.sub("", self.text[start:])

    def type(self, text: str) -> None:
        """Press keys."""
        os.write(self._ours, text.encode())

    def close(self) -> None:
        """End what is left."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        os.close(self._ours)


@pytest.fixture
def service(machine: Machine, template: Path) -> Path:
    """A service with the default answers."""
    return machine.cookiecutter(template).service


@pytest.fixture
def ports() -> tuple[str, str]:
    """Two ports for `.env`."""
    return str(free_port()), str(free_port())


@pytest.fixture
def running(machine: Machine, service: Path, ports: tuple[str, str]) -> Iterator[Terminal]:
    """`make run` on a terminal, with the ports in `.env`."""
    example = (service / ".env.example").read_text(encoding="utf-8")
    (service / ".env").write_text(f"{example}PORT={ports[0]}\nMANAGEMENT_PORT='{ports[1]}'\n", encoding="utf-8")
    terminal = Terminal(machine, service, "make run", CI="")
    yield terminal
    terminal.close()


def test_make_run_serves_reloads_and_stops(
    machine: Machine, service: Path, ports: tuple[str, str], running: Terminal
) -> None:
    """With the example of `.env` as it is, and two lines below it."""
    page = running.wait_for("Ctrl-C stops it.")
    service_url, management_url = (f"http://127.0.0.1:{port}" for port in ports)
    assert [
        url for url in (service_url, f"{management_url}/health", f"{management_url}/metrics") if url not in page
    ] == []

    call(f"{service_url}/api/v1/links", b'{"url": "https://example.com/"}')
    assert re.search(r"(?m)^\d\d:\d\d:\d\d POST /api/v1/links 201 \d+\.\d ms$", running.wait_for(" ms\n"))
    assert "\x1b[32m201\x1b[0m" in running.text
    looked = machine.run(["make", "look"], service)
    assert "\n  /api/v1/links " in looked.stdout, looked
    twin = machine.run(["make", "look", "TWIN=requests?route=/api/v1/links&text=$no 'quotes\""], service)
    assert json.loads(twin.stdout)["items"] == [], twin
    found = machine.run(["make", "look", "TWIN=requests?route=/api/v1/links"], service)
    assert [each["status"] for each in json.loads(found.stdout)["items"]] == [201], found

    operations = service / "src/acme_links/api/links/operations.py"
    written = operations.read_text(encoding="utf-8")
    operations.write_text(f"raise LookupError('not today')\n{written}", encoding="utf-8")
    broken = running.wait_for("waiting for a change")
    assert "reloading: src/acme_links/api/links/operations.py\n" in broken
    assert re.search(r"\n  src/acme_links/service\.py:\d+ in <module>\n    from \.api import links\n", broken)
    assert "\n  src/acme_links/api/links/operations.py:1 in <module>\n    raise LookupError('not today')\n" in broken
    assert "LookupError: not today\nthe service ended with status 1\n" in broken
    assert "vendor" not in broken

    operations.write_text(written, encoding="utf-8")
    running.wait_for("ready again after ")
    assert call(f"{service_url}/api/v1/links")

    running.type("\x03")
    running.wait_for("stopped\n")
    running.process.wait(TIMEOUT_SECONDS)
    ended = machine.run(["make", "look"], service)
    assert "No service of this folder runs with its console" in ended.stderr
    with pytest.raises(OSError, match="refused"):
        call(f"{service_url}/api/v1/links")


def test_make_settings_shows_where_each_value_comes_from(machine: Machine, service: Path) -> None:
    """With and without a bad one, whose sentence stands beside it."""
    (service / ".env").write_text("LOG_LEVEL=debug\nSENTRY_DSN=https://hunter2@example.com/1\n", encoding="utf-8")
    done = machine.run(["env", "PORT=8001", "make", "settings"], service)
    assert done.status == 0, done.stderr
    rows = dict(re.findall(r"^  (\w+) +(\S.*)$", done.stdout, re.MULTILINE))
    shown = {name: rows[name].split() for name in ("PORT", "LOG_LEVEL", "SLO_AVAILABILITY", "HOST")}
    assert shown == {
        "PORT": ["environment", "8001"],
        "LOG_LEVEL": [".env", "debug"],
        "SLO_AVAILABILITY": ["service.toml", "0.999"],
        "HOST": ["default", "127.0.0.1"],
    }
    assert rows["SENTRY_DSN"].split() == [".env", "set"]
    assert "hunter2" not in done.stdout

    done = machine.run(["env", "PORT=http", "make", "settings"], service)
    assert done.status == 2
    assert re.search(r"^  PORT +environment +http +<- PORT must be ", done.stdout, re.MULTILINE)
