"""A service in its own directory, run by `python -m firstlight develop`, with or without a terminal."""

import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import suppress
from pathlib import Path

import pytest

from firstlight.testing.process import TIMEOUT_SECONDS

COLOUR = re.compile(r"\x1b\[\d*m")
PAGE = """
import asyncio, os, time
from firstlight import Identity, Service
from starlette.responses import PlainTextResponse
from starlette.routing import Route

async def show(request):
    return PlainTextResponse(f"{os.getpid()} {os.environ.get('CONSOLE_TOKEN')} {os.environ.get('GREETING')}")

async def fail(request):
    raise RuntimeError("the stamp is broken")

async def wait(request):
    await asyncio.sleep(60)

async def block(request):
    time.sleep(60)

ROUTES = [Route("/show", show), Route("/fail", fail), Route("/wait", wait), Route("/block", block)]
SERVICE = Service(identity=Identity(name="scales", version="1.2.3"), routes=ROUTES)
"""
MAIN = "import sys\nfrom firstlight import main\nsys.exit(main('scales.service'))\n"


class Session:
    """A supervisor and its output."""

    def __init__(self, root: Path, environment: Mapping[str, str], *, terminal: bool, without: Collection[str]) -> None:
        """Start it in `root`, on a pseudo-terminal or with pipes, without the variables that change its output."""
        inherited = {k: v for k, v in os.environ.items() if k not in {"NO_COLOR", "CONSOLE_TOKEN"}}
        own = {"PORT": "0", "MANAGEMENT_PORT": "0", "PYTHONPATH": str(root / "src"), "TERM": "xterm"}
        own = {name: value for name, value in own.items() if name not in without}
        self.root = root
        self._terminal, inside = pty.openpty()
        self.process = subprocess.Popen(  # noqa: S603 - the supervisor under test
            [sys.executable, "-c", _AT_A_TERMINAL],
            cwd=root,
            env={**inherited, **own, **environment},
            stdin=inside,
            stdout=inside if terminal else subprocess.PIPE,
            stderr=inside,
            start_new_session=True,
        )
        os.close(inside)
        self.raw = ""
        self.read = 0

    @property
    def text(self) -> str:
        """The output so far, without colours."""
        return COLOUR.sub("", self.raw).replace("\r", "")

    def wait_for(self, words: str, seconds: float = TIMEOUT_SECONDS) -> str:
        """Wait until these words appear after those of the last call. Returns the output up to them."""
        deadline = time.monotonic() + seconds
        while words not in (new := self.text[self.read :]):
            assert time.monotonic() < deadline, f"no {words!r} in {self.text}"
            assert self._more() or words in self.text[self.read :], f"it ended without {words!r}: {self.text}"
        self.read += new.index(words) + len(words)
        return new

    def type(self, text: str) -> None:
        """Press keys."""
        os.write(self._terminal, text.encode())

    def wait(self) -> int:
        """Wait for the end and read the rest of the output. Returns the exit status."""
        deadline = time.monotonic() + TIMEOUT_SECONDS
        while self.process.poll() is None:
            assert time.monotonic() < deadline, f"it does not end: {self.text}"
            self._more()
        while self._more():
            pass
        return self.process.returncode

    @property
    def port(self) -> int:
        """The service port, from the output."""
        return int(re.findall(r"service +http://127\.0\.0\.1:(\d+)", self.text)[0])

    def close(self) -> None:
        """Kill the processes and close the files."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        os.close(self._terminal)
        if self.process.stdout is not None:
            self.process.stdout.close()

    def _more(self) -> bool:
        readable, _, _ = select.select([self._terminal], [], [], 0.05)
        if readable:
            try:
                data = os.read(self._terminal, 65_536)
            except OSError:  # nobody is left on the other side
                return False
            self.raw += data.decode()
            return bool(data)
        return self.process.poll() is None


# Ctrl-C reaches what has the terminal in front of it, and a shell's background processes ignore SIGINT.
_AT_A_TERMINAL = """
import fcntl, os, signal, sys, termios
signal.signal(signal.SIGINT, signal.SIG_DFL)
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.executable, [sys.executable, "-m", "firstlight", "develop", "scales"])
"""

Develop = Callable[..., Session]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A service with a few routes."""
    package = tmp_path / "src/scales"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "__main__.py").write_text(MAIN)
    (package / "service.py").write_text(PAGE)
    return tmp_path


@pytest.fixture
def page(root: Path) -> Path:
    """The service.py of the service."""
    return root / "src/scales/service.py"


@pytest.fixture
def develop(root: Path) -> Iterator[Develop]:
    """Start supervisors, which are ended after the test."""
    sessions: list[Session] = []

    def start(*, terminal: bool = True, without: Collection[str] = (), **environment: str) -> Session:
        sessions.append(Session(root, environment, terminal=terminal, without=without))
        return sessions[-1]

    yield start
    for session in sessions:
        session.close()
