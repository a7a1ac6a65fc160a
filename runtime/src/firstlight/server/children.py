"""Forked children: close the server's sockets, reset signal handlers, and flush their telemetry when they end.

`multiprocessing` and `os.fork` copy the process with the sockets and the signal handlers of the server.
"""

import asyncio
import atexit
import os
import select
import signal
import socket
import sys
from collections.abc import Callable, Collection
from contextlib import suppress
from pathlib import Path

from ..forks import hold_signals, renew_in_child
from ..lifecycle import Lifecycle
from .times import FLUSH_SECONDS


class Children:
    """Prepares each forked child of this process."""

    def __init__(self, lifecycle: Lifecycle, flush: Callable[[float], object]) -> None:
        """`flush` sends the telemetry of the process. Its argument is the limit in seconds for each signal."""
        self._lifecycle = lifecycle
        self._flush = flush
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ports: Collection[int] = ()

    def watch(self, ports: Collection[int]) -> None:
        """Prepare children that are forked from now on. `ports` are those of the running loop."""
        self._loop, self._ports = asyncio.get_running_loop(), ports
        renew_in_child(self._begin)
        hold_signals()

    def _begin(self) -> None:
        with suppress(ValueError):  # forked in another thread than the main thread
            signal.set_wakeup_fd(-1)
        for number, handler in ((signal.SIGTERM, signal.SIG_DFL), (signal.SIGINT, signal.default_int_handler)):
            with suppress(ValueError):
                signal.signal(number, handler)
        _close(self._ports)
        for each in (*self._lifecycle.requests, *self._lifecycle.websockets):
            each.forget()
        atexit.register(self._end)
        util = sys.modules.get("multiprocessing.util")
        if util is not None:  # its children end without `atexit`
            util.register_after_fork(self, lambda _: util.Finalize(None, self._end, exitpriority=-100))
        if self._loop is not None:
            self._loop.call_soon(self._leave)

    def _end(self) -> None:
        self._flush(FLUSH_SECONDS)

    def _leave(self) -> None:
        """End a child of `os.fork` that has returned to the event loop of its parent, which it must not serve.

        It ends like a child of `multiprocessing`: it does not close the resources of the parent.
        """
        code = self._lifecycle.exit.code if self._lifecycle.exit is not None else 0
        atexit._run_exitfuncs()  # noqa: SLF001 - as the interpreter would
        os._exit(code if isinstance(code, int) else int(code is not None))


def _close(ports: Collection[int]) -> None:
    """Let go of everything that is bound to these ports: listeners, and connections of clients.

    Each descriptor is replaced by another one: code that has its number may close it later. So do those of event
    loops, because the kernel's list of what they wait for is the parent's.
    """
    null = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
    with suppress(OSError):  # without /proc the sockets cannot be found
        for entry in [*Path("/proc/self/fd").iterdir()]:
            with suppress(OSError):
                descriptor, target = int(entry.name), str(entry.readlink())
                if target == "anon_inode:[eventpoll]":
                    with select.epoll() as empty:
                        os.dup2(empty.fileno(), descriptor, inheritable=False)
                elif target.startswith("socket:") and _port(descriptor) in ports:
                    os.dup2(null, descriptor, inheritable=False)
    os.close(null)


def _port(descriptor: int) -> int:
    with socket.socket(fileno=os.dup(descriptor)) as shared:
        address = shared.getsockname()
    return int(address[1]) if isinstance(address, tuple) and len(address) > 1 else 0
