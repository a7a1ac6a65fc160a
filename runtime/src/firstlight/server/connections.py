"""The open connections of a port: how many there may be, and how long each may take over what it owes.

A connection owes a request head, the rest of a body, or the reading of a response. While it owes nothing, because the
application is at work, nothing limits it here. Deadlines are kept in the order of time, so that a sweep looks only at
those that are over, and a request costs no timer.
"""

import asyncio
import time
from typing import Protocol

from prometheus_client import Gauge

from ..metrics.instruments import REGISTRY
from .limits import Limits

SWEEP_SECONDS = 0.5
POLL_SECONDS = 0.001  # the loop reads from every socket in between
ENDING_SECONDS = 5.0  # for a client to read why it was refused
STALLED_SECONDS = 1.0  # a body without progress for so long gives up its place when places are short


CONNECTIONS = Gauge("http_server_connections", "Open connections of the service port.", registry=REGISTRY)
MAX_CONNECTIONS = Gauge("http_server_max_connections", "Connections that may be open.", registry=REGISTRY)


class Connection(Protocol):
    """What the deadlines need of a connection."""

    def refuse(self, reason: str) -> None:
        """End the connection because it took too long, or because there is no place for it."""

    def evict(self, reason: str) -> None:
        """End the connection at once because another one needs its place. Without a reason it is no refusal."""

    def has_progressed(self, owed: str) -> bool:
        """Whether what it owes has become less since this was asked last."""


class Owed:
    """The connections that owe one thing, those that have owed it for the longest first."""

    def __init__(self, reason: str, seconds: float) -> None:
        """`reason` names the refusal of a connection that takes longer than `seconds`; without one it is no refusal."""
        self.reason = reason
        self.seconds = seconds
        self._since: dict[Connection, float] = {}

    def __len__(self) -> int:
        """How many connections owe it."""
        return len(self._since)

    def begin(self, connection: Connection) -> None:
        """From now on it owes this, or owes it anew."""
        self._since.pop(connection, None)
        self._since[connection] = time.monotonic()

    def begin_once(self, connection: Connection) -> None:
        """From now on it owes this, unless it has owed it before."""
        if connection not in self._since:
            self._since[connection] = time.monotonic()

    def end(self, connection: Connection) -> None:
        """It owes this no more."""
        self._since.pop(connection, None)

    def sweep(self, now: float) -> None:
        """Refuse those whose time was over at `now`, unless they have made progress."""
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
        """Who has owed this for the longest, and at least for `seconds`."""
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
        """Nobody has connected yet."""
        self.limits = limits
        self.heads = Owed("head_timeout", limits.head_seconds)
        self.bodies = Owed("body_timeout", limits.body_seconds)
        self.reads = Owed("write_timeout", limits.write_seconds)
        self.idle = Owed("", limits.keep_alive_seconds)
        self.ending = Owed("", ENDING_SECONDS)
        self._all = (self.heads, self.bodies, self.reads, self.idle, self.ending)
        self._open: set[Connection] = set()
        self._timer: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        """How many are open."""
        return len(self._open)

    def watch(self) -> None:
        """Read how many there are at each scrape. Called when everything else is open that needs descriptors."""
        self.limits = self.limits.within_descriptors()
        CONNECTIONS.set_function(lambda: len(self))
        MAX_CONNECTIONS.set(self.limits.max_connections)

    def open(self, connection: Connection) -> None:
        """Take a new connection; it owes a head. Where there is no place, the least busy one has to go."""
        self.adopt(connection)
        if len(self._open) - len(self.ending) > self.limits.max_connections and not self._make_place():
            connection.refuse("too_many_connections")
            if len(self.ending) > self.limits.max_ending and (oldest := self.ending.oldest()):
                self._evict(oldest, "")
            return
        self.heads.begin(connection)

    def adopt(self, connection: Connection) -> None:
        """Count a connection that has had its place before, as another protocol."""
        self._open.add(connection)
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(SWEEP_SECONDS, self._sweep)

    def end(self, connection: Connection) -> None:
        """It has had its last answer, and is to be gone soon."""
        for owed in self._all:
            owed.end(connection)
        self.ending.begin(connection)

    def close(self, connection: Connection) -> None:
        """It is gone."""
        self._open.discard(connection)
        for owed in self._all:
            owed.end(connection)

    def _make_place(self) -> bool:
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
        """Judge by the time now, but only after the loop has read what came while it was busy."""
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(POLL_SECONDS, self._judge, time.monotonic())

    def _judge(self, now: float) -> None:
        for owed in self._all:
            owed.sweep(now)
        again = asyncio.get_running_loop().call_later
        self._timer = again(SWEEP_SECONDS, self._sweep) if self._open else None
