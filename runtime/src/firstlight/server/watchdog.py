"""Ends the process at its deadline, also if the event loop, a thread or an `atexit` handler hangs.

A thread receives SIGTERM and SIGINT before the event loop does, because a call that signals do not interrupt may block
the loop. If a call holds the GIL, no thread runs; then a timer of `faulthandler` ends the process.
"""

import atexit
import faulthandler
import math
import os
import signal
import socket
import sys
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from ..exit_status import FAILED
from .times import LAST_SECONDS, LATE_SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from multiprocessing.process import BaseProcess

HANDLERS_SECONDS = 1.0  # for `atexit` handlers, after a child for which one of them waited
STDERR = 2
_STOP = {signal.SIGTERM, signal.SIGINT}


class Watchdog:
    """Ends the process with status 1 at its deadline. A signal sets the deadline, and it is never extended."""

    def __init__(self) -> None:
        """No deadline yet."""
        self.grace: Callable[[], float] = float  # seconds that may pass before `LATE_SECONDS` begin
        self.late: Callable[[], object] = float  # logs and flushes
        self.cut = False  # the deadline has passed
        self._runner = 0  # the thread that runs the `atexit` handlers
        self._lock = threading.Lock()
        self._deadline = math.inf
        self._reader, self._writer = socket.socketpair()
        self._writer.settimeout(0)
        self._loop = -1
        threading.Thread(target=self._watch, name="watchdog", daemon=True).start()

    def listen(self) -> None:
        """Receive signals from now on, and pass them to the running loop. Call it in the main thread."""
        self._loop = signal.set_wakeup_fd(self._writer.fileno(), warn_on_full_buffer=False)

    def told(self) -> None:
        """Start the clock, because the process was told to stop. May be called from a signal handler."""
        self.allow(self.grace() + LATE_SECONDS)

    def allow(self, seconds: float) -> None:
        """Set the deadline to `seconds` from now, unless an earlier one is set."""
        deadline = time.monotonic() + seconds
        if deadline < self._deadline:
            self._deadline = deadline
            faulthandler.dump_traceback_later(seconds + LAST_SECONDS - LATE_SECONDS, exit=True, file=STDERR)
            with suppress(OSError):
                self._writer.send(b"\0")

    def leave(self, seconds: float) -> None:
        """Give the interpreter `seconds` for non-daemon threads, and then for `atexit` handlers."""
        self.allow(seconds)
        atexit.register(self._on_exit)  # handlers run in reverse order of registration

    def _on_exit(self) -> None:
        """The first `atexit` handler. When the other thread runs them, wait: it ends the process."""
        if not self._claim():
            threading.Event().wait()

    def _claim(self) -> bool:
        """Whether this thread runs the `atexit` handlers. The first thread that asks does."""
        with self._lock:
            self._runner = self._runner or threading.get_ident()
        return self._runner == threading.get_ident()

    def _watch(self) -> None:
        while (left := self._deadline - time.monotonic()) > 0:
            self._reader.settimeout(None if left == math.inf else left)
            with suppress(TimeoutError):
                self._hear(self._reader.recv(64))
        self.cut = True
        with suppress(BaseException):
            self.late()
        if self._claim():
            with suppress(BaseException):
                _call_exit_handlers()
        end_children()
        time.sleep(HANDLERS_SECONDS)  # the main thread runs the handlers, and one may have waited for a child
        os._exit(FAILED)

    def _hear(self, signals: bytes) -> None:
        heard = bytes(number for number in signals if number)
        if heard:
            if _STOP.intersection(heard):
                self.told()
            with suppress(OSError):
                os.write(self._loop, heard)


def _call_exit_handlers() -> None:
    """Run the `atexit` handlers, because the main thread hangs. Not that of `multiprocessing`, which waits."""
    util = sys.modules.get("multiprocessing.util")
    if util is not None:
        atexit.unregister(util._exit_function)  # noqa: SLF001 - see above
    atexit._run_exitfuncs()  # noqa: SLF001 - as `multiprocessing` does in its children


def children() -> "Sequence[BaseProcess]":
    """The children of `multiprocessing` that are alive."""
    processes = sys.modules.get("multiprocessing.process")
    return processes.active_children() if processes is not None else ()


def end_children() -> None:
    """Send SIGTERM to all of them."""
    for child in children():
        child.terminate()
