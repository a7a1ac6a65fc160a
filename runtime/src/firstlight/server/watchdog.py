"""The end of the process when its time is over, whatever hangs: the event loop, a thread, a handler of `atexit`.

A thread hears SIGTERM and SIGINT before the event loop does, which may be blocked in a call that no signal interrupts.
Where a call holds the interpreter itself, no thread runs: then a timer that needs no interpreter ends the process.
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

HANDLERS_SECONDS = 1.0  # for handlers of `atexit` to come to their end after the child that one of them waited for
STDERR = 2
_STOP = {signal.SIGTERM, signal.SIGINT}


class Watchdog:
    """Ends the process with status 1 at its deadline, which a signal sets and nothing moves back."""

    def __init__(self) -> None:
        """No deadline yet."""
        self.grace: Callable[[], float] = float  # seconds that may pass before `LATE_SECONDS` begin
        self.late: Callable[[], object] = float  # says and sends what is left to be said and sent
        self.cut = False  # the deadline has passed
        self._handlers_called = False
        self._deadline = math.inf
        self._reader, self._writer = socket.socketpair()
        self._writer.settimeout(0)
        self._loop = -1
        threading.Thread(target=self._watch, name="watchdog", daemon=True).start()

    def listen(self) -> None:
        """Hear signals from now on, and pass them on to the running loop. For its thread, the main one."""
        self._loop = signal.set_wakeup_fd(self._writer.fileno(), warn_on_full_buffer=False)

    def told(self) -> None:
        """Start the clock: the process has been told to stop. A signal handler may call it."""
        self.allow(self.grace() + LATE_SECONDS)

    def allow(self, seconds: float) -> None:
        """End the process in so many seconds, or earlier where that was said before."""
        deadline = time.monotonic() + seconds
        if deadline < self._deadline:
            self._deadline = deadline
            faulthandler.dump_traceback_later(seconds + LAST_SECONDS - LATE_SECONDS, exit=True, file=STDERR)
            with suppress(OSError):
                self._writer.send(b"\0")

    def leave(self, seconds: float) -> None:
        """Give the interpreter so many seconds: for threads that are no daemons, and then for handlers of `atexit`."""
        self.allow(seconds)
        atexit.register(self._on_exit)  # the last one is called first

    def _on_exit(self) -> None:
        self._handlers_called = True

    def _watch(self) -> None:
        while (left := self._deadline - time.monotonic()) > 0:
            self._reader.settimeout(None if left == math.inf else left)
            with suppress(TimeoutError):
                self._hear(self._reader.recv(64))
        self.cut = True
        with suppress(BaseException):
            self.late()
        if not self._handlers_called:
            with suppress(BaseException):
                _call_exit_handlers()
        end_children()
        time.sleep(HANDLERS_SECONDS)  # the main thread calls the handlers, and one of them may have waited for a child
        os._exit(FAILED)

    def _hear(self, signals: bytes) -> None:
        heard = bytes(number for number in signals if number)
        if heard:
            if _STOP.intersection(heard):
                self.told()
            with suppress(OSError):
                os.write(self._loop, heard)


def _call_exit_handlers() -> None:
    """The main thread will not come to it. That of `multiprocessing` would wait for children."""
    util = sys.modules.get("multiprocessing.util")
    if util is not None:
        atexit.unregister(util._exit_function)  # noqa: SLF001 - see above
    atexit._run_exitfuncs()  # noqa: SLF001 - as `multiprocessing` does in its children


def children() -> "Sequence[BaseProcess]":
    """The children of `multiprocessing` that are alive."""
    processes = sys.modules.get("multiprocessing.process")
    return processes.active_children() if processes is not None else ()


def end_children() -> None:
    """Tell them to end. They hear it as every process does."""
    for child in children():
        child.terminate()
