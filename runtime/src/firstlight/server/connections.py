"""The open connections of a port: their number is limited, and so is the time that each client may take.

A connection owes a request head, the rest of a body, or the reading of a response. While the application works, it
owes nothing and has no limit here. The deadlines are sorted by time, so that a sweep reads only those that are over,
and requests need no timers.
"""

import asyncio
import time
from typing import Protocol

from prometheus_client import Gauge

from ..metrics.instruments import REGISTRY
from .held_heads import HeldHeads
from .known_fields import KnownFields
from .limits import Limits

SWEEP_SECONDS = 0.5
POLL_SECONDS = 0.001  # the loop reads from every socket in between
ENDING_SECONDS = 5.0  # a client may take so long to read the refusal
STALLED_SECONDS = 1.0  # at the limit of connections, a body without progress for so long is closed for a new connection


CONNECTIONS = Gauge("http_server_connections", "Open connections of the service port.", registry=REGISTRY)
MAX_CONNECTIONS = Gauge("http_server_max_connections", "Connections that may be open.", registry=REGISTRY)


class Connection(Protocol):
    """The interface of a connection for deadlines."""

    def refuse(self, reason: str) -> None:
        """Refuse the connection because a time limit is over, or there are too many connections."""

    def evict(self, reason: str) -> None:
        """Close the connection at once in favour of another one. Without a reason, it is not counted as a refusal."""

    def has_progressed(self, owed: str) -> bool:
        """Whether the client has made progress since the last call."""


class Owed:
    """The connections that owe the same, in the order of their deadlines."""

    def __init__(self, reason: str, seconds: float) -> None:
        """A connection that takes longer than `seconds` is refused with `reason`; without one, it is just closed."""
        self.reason = reason
        self.seconds = seconds
        self._since: dict[Connection, float] = {}

    def __len__(self) -> int:
        """The number of connections."""
        return len(self._since)

    def __contains__(self, connection: Connection) -> bool:
        """Whether a connection owes this."""
        return connection in self._since

    def begin(self, connection: Connection) -> None:
        """Start the deadline of a connection, or start it again."""
        self._since.pop(connection, None)
        self._since[connection] = time.monotonic()

    def begin_once(self, connection: Connection) -> None:
        """Start the deadline of a connection, unless it has one."""
        if connection not in self._since:
            self._since[connection] = time.monotonic()

    def end(self, connection: Connection) -> None:
        """Remove the deadline of a connection."""
        self._since.pop(connection, None)

    def sweep(self, now: float) -> None:
        """Refuse connections whose deadline is over at `now`, unless they have made progress."""
        for connection in self._over(now - self.seconds):
            if connection.has_progressed(self.reason):
                self.begin(connection)
                continue
            self.end(connection)
            if self.reason:
                connection.refuse(self.reason)
            else:
                connection.evict("")

    def oldest(self, seconds: float = 0.0) -> Connection | None:
        """The connection that has owed this for the longest time, if that is at least `seconds`."""
        for connection, since in self._since.items():
            return connection if time.monotonic() - since >= seconds else None
        return None

    def _over(self, moment: float) -> list[Connection]:
        over = []
        for connection, since in self._since.items():
            if since > moment:
                break
            over.append(connection)
        return over


class Connections:
    """All connections of one port."""

    def __init__(self, limits: Limits) -> None:
        """No connection yet."""
        self.limits = limits
        self.heads = Owed("head_timeout", limits.head_seconds)
        self.bodies = Owed("body_timeout", limits.body_seconds)
        self.reads = Owed("write_timeout", limits.write_seconds)
        self.idle = Owed("", limits.keep_alive_seconds)
        self.ending = Owed("", ENDING_SECONDS)
        self.held_heads, self.known_fields = HeldHeads(), KnownFields()
        self._all = (self.heads, self.bodies, self.reads, self.idle, self.ending)
        self._open: set[Connection] = set()
        self._timer: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        """The number of open connections."""
        return len(self._open)

    def watch(self) -> None:
        """Start the gauges and set the limit. Call it when everything else that needs descriptors is open."""
        self.limits = self.limits.within_descriptors()
        CONNECTIONS.set_function(lambda: len(self))
        MAX_CONNECTIONS.set(self.limits.max_connections)

    def open(self, connection: Connection) -> None:
        """Add a new connection, which owes a head. At the limit, close the least busy connection."""
        self.adopt(connection)
        if len(self._open) - len(self.ending) > self.limits.max_connections and not self._make_place():
            connection.refuse("too_many_connections")
            return
        self.heads.begin(connection)

    def adopt(self, connection: Connection) -> None:
        """Add a connection again, after its upgrade to another protocol."""
        self._open.add(connection)
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(SWEEP_SECONDS, self._sweep)

    def end(self, connection: Connection) -> None:
        """The last response has been sent: the client must close soon."""
        for owed in self._all:
            owed.end(connection)
        self.ending.begin(connection)
        if len(self.ending) > self.limits.max_ending and (oldest := self.ending.oldest()):
            self._evict(oldest, "")

    def close(self, connection: Connection) -> None:
        """Remove a closed connection."""
        self._open.discard(connection)
        for owed in self._all:
            owed.end(connection)

    def _make_place(self) -> bool:
        while (oldest := self.idle.oldest()) is not None and oldest.has_progressed(self.idle.reason):
            self.idle.end(oldest)  # it serves a request or is still read, and is idle again afterwards
        while (oldest := self.bodies.oldest(STALLED_SECONDS)) and oldest.has_progressed(self.bodies.reason):
            self.bodies.begin(oldest)  # it waits for `100 Continue`, or is still read
        for owed, seconds, reason in (
            (self.heads, 0.0, "too_many_connections"),
            (self.idle, 0.0, ""),
            (self.bodies, STALLED_SECONDS, "too_many_connections"),
        ):
            victim = owed.oldest(seconds)
            if victim is not None:
                self._evict(victim, reason)
                return True
        return False

    def _evict(self, victim: Connection, reason: str) -> None:
        self.close(victim)
        victim.evict(reason)

    def _sweep(self) -> None:
        """Sweep with the current time, after the loop has read the data that arrived while it was busy."""
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(POLL_SECONDS, self._judge, time.monotonic())

    def _judge(self, now: float) -> None:
        for owed in self._all:
            owed.sweep(now)
        again = asyncio.get_running_loop().call_later
        self._timer = again(SWEEP_SECONDS, self._sweep) if self._open else None
