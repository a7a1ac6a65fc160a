"""Runs the service and restarts it when its files change. ADR 19 has the reasons for this design."""

import os
import secrets
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from queue import SimpleQueue

from ..errors import SettingsError
from ..exit_status import BAD_USE, INTERRUPTED
from ..terminal import paint_for
from . import console_address, handover
from .changes import Changed, Unwatched, Watch
from .child import Child, Ended, Terminal
from .environment import DevelopmentEnvironment

# Free ports are taken from below the range that systems give to clients, which could take a port before the service.
PORTS = {"PORT": range(20_000, 26_000), "MANAGEMENT_PORT": range(26_000, 32_000)}
ATTEMPTS = 100
STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
NAMED = 3  # so many changed files are named; the others are counted

News = Changed | Unwatched | Ended | signal.Signals


class Supervisor:
    """One `make run` in the directory `root` of a service. `command` are the arguments of Python that start it."""

    def __init__(self, command: Sequence[str], root: Path) -> None:
        """Call `run`."""
        self._command = command
        self._root = root
        self._news: SimpleQueue[News] = SimpleQueue()
        self._token = secrets.token_hex(16)
        self._buffers = _unnamed_file()
        self._ports: dict[str, str] = {}
        self._child: Child | None = None
        self._stopping = False
        self._interrupts = 0
        self._reloads = False
        self._terminal = Terminal()
        self._paint = paint_for(sys.stderr)

    def run(self) -> int:
        """Supervise until a signal. Returns the service's exit status, or 130 when a second Ctrl-C cut the drain."""
        for number in STOPPING:
            signal.signal(number, self._hear)
        watch = Watch(self._root, self._news.put)
        try:
            self._start("")
            return self._supervised()
        except SettingsError as error:  # at the first start
            self._say(f"{error}", "red")
            return BAD_USE
        finally:
            watch.close()
            if self._child is not None:
                self._child.kill()
            os.close(self._buffers)
            self._terminal.restore()

    def _hear(self, number: int, _: object) -> None:
        self._interrupts += number == signal.SIGINT
        self._news.put(signal.Signals(number))

    def _supervised(self) -> int:
        while True:
            status = self._heard(self._news.get())
            if status is not None:
                return status

    def _heard(self, news: News) -> int | None:
        """Handle one event. Returns the exit status if it was the last."""
        match news:
            case Ended():
                return self._ended(news) if news.child is self._child else None
            case Changed():
                if not self._stopping:
                    self._reload(news)
                return None
            case Unwatched(error):
                self._say(f"changes are no longer seen: {error}", "yellow")
                return None
            case _:
                return self._told_to_stop(news)

    def _start(self, reloaded_at: str) -> None:
        """Start the service. Raises `SettingsError` for a bad `.env`."""
        variables = DevelopmentEnvironment(self._root).variables
        variables.setdefault(handover.CONSOLE_TOKEN, self._token)
        for name in PORTS:
            if variables.get(name) == "0":  # a free one, and the same after each reload
                variables[name] = self._ports[name] = self._ports.get(name) or _free_port(name)
        ours = {
            handover.RELOADED_AT: reloaded_at,
            handover.CONSOLE_BUFFERS: str(self._buffers),
            handover.CONSOLE_FOLDER: str(self._root / console_address.FOLDER),
        }
        self._child = Child(self._command, variables | ours, self._news.put, (self._buffers,))

    def _reload(self, changed: Changed) -> None:
        began = time.monotonic()
        self._reloads = True
        cut = self._child is not None and not self._child.replace()
        self._child = None
        self._terminal.restore()
        self._say(f"reloading: {self._names(changed)}{', what was in flight is cut' if cut else ''}", "cyan")
        try:
            self._start(str(began))
        except SettingsError as error:
            self._say(f"{error}", "red")
            self._say_waiting()

    def _ended(self, ended: Ended) -> int | None:
        self._child = None
        self._terminal.restore()
        refused = ended.status == BAD_USE and not self._reloads  # no file may be at fault
        if self._interrupts > 1:  # the service got it too, and may have ended before our queue had it
            return self._cut()
        if self._stopping and ended.status == 0:
            self._say("stopped", "dim")
        if self._stopping or ended.status == 0 or refused:
            return ended.status if ended.status >= 0 else 128 - ended.status
        how = f"status {ended.status}" if ended.status > 0 else f"signal {signal.Signals(-ended.status).name}"
        self._say(f"the service ended with {how}", "red")
        self._say_waiting()
        return None

    def _told_to_stop(self, number: signal.Signals) -> int | None:
        if self._child is None:
            return 0
        if not self._stopping:
            self._stopping = True
            self._child.drain()
        elif number == signal.SIGINT:
            return self._cut()
        return None

    def _cut(self) -> int:
        self._say("ended at once", "yellow")
        return INTERRUPTED

    def _names(self, changed: Changed) -> str:
        names = [str(path.relative_to(self._root)) for path in changed.paths]
        more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
        return f"{', '.join(names[:NAMED])}{more}"

    def _say_waiting(self) -> None:
        self._say("waiting for a change", "dim")

    def _say(self, text: str, style: str) -> None:
        """Write to standard error, because the service may write JSON to standard output."""
        sys.stderr.write(f"{self._paint(text, style)}\n")
        sys.stderr.flush()


def _unnamed_file() -> int:
    """The descriptor of a new file that no path leads to, in memory where that is possible."""
    if hasattr(os, "memfd_create"):
        return os.memfd_create("console", os.MFD_CLOEXEC)
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())


def _free_port(name: str) -> str:
    for _ in range(ATTEMPTS):
        with suppress(OSError), socket.create_server(("127.0.0.1", secrets.choice(PORTS[name]))) as free:
            return str(free.getsockname()[1])
    msg = f"{name} is 0, and no port from {PORTS[name].start} to {PORTS[name].stop - 1} was free (set it to a free one)"
    raise SettingsError(msg)
