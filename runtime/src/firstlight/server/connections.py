"""The open connections of a port: how many there may be, and how long each may take over what it owes.

A connection owes a request head, the rest of a body, or the reading of a response. While it owes nothing, because the
application is at work, nothing limits it here. Deadlines are kept in the order of time, so that a sweep looks only at
those that are over, and a request costs no timer.
"""

import asyncio
import resource
import time
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Protocol

from prometheus_client import Gauge

from ..metrics.instruments import REGISTRY

SWEEP_SECONDS = 0.5
ENDING_SECONDS = 2.0  # for a client to read why it was refused
MIN_SPARE_DESCRIPTORS = 16  # for files, dependencies and the management port
SPARE_SHARE = 4


CONNECTIONS = Gauge("http_server_connections", "Open connections of the service port.", registry=REGISTRY)
MAX_CONNECTIONS = Gauge("http_server_max_connections", "Connections that may be open.", registry=REGISTRY)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Of one port. Sizes are bytes."""

    max_head_bytes: int
    max_connections: int
    head_seconds: float
    body_seconds: float
    write_seconds: float
    keep_alive_seconds: float

    def within_descriptors(self) -> "Limits":
        """The same, with no more connections than the process may still open descriptors for."""
        soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        if soft == resource.RLIM_INFINITY:
            return self
        spare = max(MIN_SPARE_DESCRIPTORS, soft // SPARE_SHARE)
        allowed = max(1, soft - _open_descriptors() - spare)
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return Limits(**{**values, "max_connections": min(self.max_connections, allowed)})


class Connection(Protocol):
    """What the deadlines need of a connection."""

    def refuse(self, reason: str) -> None:
        """End the connection because it took too long, or because another one needs its place."""

    def has_progressed(self, owed: str) -> bool:
        """Whether what it owes has become less since this was asked last, or waits for us."""


class Owed:
    """The connections that owe one thing, those that have owed it for the longest first."""

    def __init__(self, reason: str, seconds: float) -> None:
        """`reason` names the refusal of a connection that takes longer than `seconds`."""
        self.reason = reason
        self.seconds = seconds
        self.since: dict[Connection, float] = {}

    def begin(self, connection: Connection) -> None:
        """From now on it owes this, or owes it anew."""
        self.since.pop(connection, None)
        self.since[connection] = time.monotonic()

    def end(self, connection: Connection) -> None:
        """It owes this no more."""
        self.since.pop(connection, None)

    def sweep(self, now: float) -> None:
        """Refuse those whose time is over, unless they have made progress."""
        over = []
        for connection, since in self.since.items():
            if now - since < self.seconds:
                break
            over.append(connection)
        for connection in over:
            if connection.has_progressed(self.reason):
                self.begin(connection)
            else:
                self.end(connection)
                connection.refuse(self.reason)

    def oldest(self) -> Connection | None:
        """Who has owed this for the longest."""
        return next(iter(self.since), None)


class Connections:
    """All connections of one port."""

    def __init__(self, limits: Limits, others: Callable[[], int] = lambda: 0) -> None:
        """`others` counts connections that are not kept here, but need descriptors as well."""
        self.limits = limits
        self.heads = Owed("head_timeout", limits.head_seconds)
        self.bodies = Owed("body_timeout", limits.body_seconds)
        self.reads = Owed("write_timeout", limits.write_seconds)
        self.idle = Owed("", limits.keep_alive_seconds)
        self.ending = Owed("", ENDING_SECONDS)
        self._all = (self.heads, self.bodies, self.reads, self.idle, self.ending)
        self._open: set[Connection] = set()
        self._others = others
        self._timer: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        """How many are open."""
        return len(self._open) + self._others()

    def watch(self) -> None:
        """Read how many there are at each scrape."""
        CONNECTIONS.set_function(lambda: len(self))
        MAX_CONNECTIONS.set(self.limits.max_connections)

    def open(self, connection: Connection) -> None:
        """Take a new connection; it owes a head. Where there is no place, the least busy one has to go."""
        if len(self) >= self.limits.max_connections:
            victim = self.ending.oldest() or self.heads.oldest() or self.idle.oldest() or connection
            victim.refuse("" if victim in self.idle.since else "too_many_connections")
            if victim is connection:
                return
            self.close(victim)
        self._open.add(connection)
        self.heads.begin(connection)
        if self._timer is None:
            self._sweep()

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

    def _sweep(self) -> None:
        now = time.monotonic()
        for owed in self._all:
            owed.sweep(now)
        again = asyncio.get_running_loop().call_later
        self._timer = again(SWEEP_SECONDS, self._sweep) if self._open else None


def _open_descriptors() -> int:
    try:
        return sum(1 for _ in Path("/proc/self/fd").iterdir())
    except OSError:
        return MIN_SPARE_DESCRIPTORS
