"""Accepts connections on the management port: limits their number, and continues when descriptors run out."""

import asyncio
import errno
import resource
import select
import socket
from contextlib import suppress
from functools import partial

from .descriptors import Reserve
from .protocol import Connection, Port

SHARE_OF_DESCRIPTORS = 8  # connections may use 1/8 of the descriptors; the rest is for the service
ACCEPTED_AT_ONCE = 8  # then the loop reads from those accepted so far
GRACE_SECONDS = 0.01  # a new connection may use it to send its head; others wait in the kernel's queue
PAUSE_SECONDS = 0.1  # until the next attempt, when nothing can be accepted
SHORTAGE = {errno.EMFILE, errno.ENFILE}


class Acceptor:
    """Accepts connections in the running loop. At the limit it closes an old one, because a new one may be a probe."""

    def __init__(self, listener: socket.socket, port: Port, reserve: Reserve) -> None:
        """`listener` is a listening, non-blocking socket. Call `start`."""
        self._listener = listener
        self._port = port
        self._reserve = reserve
        self._limit = _affordable(port.limits.connections)
        self._loop = asyncio.get_running_loop()
        self._tasks: set[asyncio.Task[object]] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._changed = asyncio.Event()
        self.connections: set[Connection] = set()

    def start(self) -> None:
        """Start accepting."""
        self._loop.add_reader(self._listener, self._accept)

    def stop(self) -> None:
        """Stop accepting. Open connections stay open."""
        self._loop.remove_reader(self._listener)
        if self._timer is not None:
            self._timer.cancel()

    async def close(self, seconds: float) -> None:
        """Wait up to `seconds` for responses in progress, then close all connections."""
        for connection in list(self.connections):
            connection.shutdown()
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while self.connections:
                    self._changed.clear()
                    await self._changed.wait()
        for connection in list(self.connections):
            connection.end()
        await asyncio.sleep(0)  # lets the loop close the aborted transports

    def _accept(self) -> None:
        """Called by the loop when a client waits."""
        try:
            for turn in range(ACCEPTED_AT_ONCE):
                if len(self.connections) >= self._limit and (turn or not self._make_way()):
                    return
                self._admit(*self._listener.accept())
                if not self._reserve.full:
                    return
        except (BlockingIOError, InterruptedError, ConnectionAbortedError):
            self._reserve.take()
        except OSError as error:
            self._on_error(error)

    def _on_error(self, error: OSError) -> None:
        """Accept a client with a descriptor of the reserve, or of a connection that is closed for it.

        The kernel allocates the descriptor before it looks for a client, so the error can occur without a client.
        """
        if error.errno not in SHORTAGE:
            self._pause(PAUSE_SECONDS)
        elif not self._waits():
            return
        elif self._reserve.give():
            self._accept()
        elif self._make_way():
            self._pause(0)  # the loop frees the descriptor in its next iteration

    def _waits(self) -> bool:
        poll = select.poll()
        poll.register(self._listener, select.POLLIN)
        return bool(poll.poll(0))

    def _admit(self, accepted: socket.socket, address: tuple[str, int]) -> None:
        accepted.settimeout(0)
        connection = Connection(self._port, address[0], self._on_closed)
        connection.keeps_alive = self._reserve.full
        self.connections.add(connection)
        task = self._loop.create_task(self._loop.connect_accepted_socket(lambda: connection, accepted))
        self._tasks.add(task)
        task.add_done_callback(partial(self._on_connected, connection))

    def _on_connected(self, connection: Connection, task: asyncio.Task[object]) -> None:
        self._tasks.discard(task)
        if task.cancelled() or task.exception() is not None:  # the client has left, or the kernel has no memory
            connection.end()
            self._on_closed(connection)

    def _make_way(self) -> bool:
        """Close the least important connection. If none can be closed now, pause and return false."""
        victim = min(self.connections, key=lambda each: (each.phase, each.since), default=None)
        if victim is None:
            self._port.refusals.count("too_many_connections")
            self._pause(PAUSE_SECONDS)
            return False
        age = self._loop.time() - victim.since
        if victim.phase and age < GRACE_SECONDS:
            self._pause(GRACE_SECONDS - age)
            return False
        self.connections.discard(victim)
        victim.end("too_many_connections" if victim.phase else "")  # an idle one is not a refusal
        return True

    def _pause(self, seconds: float) -> None:
        self.stop()
        self._timer = self._loop.call_later(seconds, self.start)

    def _on_closed(self, connection: Connection) -> None:
        self.connections.discard(connection)
        self._changed.set()
        if not self._reserve.full:
            self._loop.call_soon(self._reserve.take)  # the descriptor is closed after this call


def _affordable(connections: int) -> int:
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    unlimited = soft == resource.RLIM_INFINITY
    return connections if unlimited else max(1, min(connections, soft // SHARE_OF_DESCRIPTORS))
