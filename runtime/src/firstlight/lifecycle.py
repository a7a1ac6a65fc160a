"""Where the process is in its life: starting, serving, draining. Written by the server, read from every thread."""

import asyncio
from typing import Protocol

from starlette.requests import HTTPConnection
from starlette.types import Scope

from .context import RequestContext


class Active(Protocol):
    """A request or a websocket in progress."""

    ids: RequestContext
    scope: Scope
    started: int
    """Nanoseconds of `time.perf_counter_ns`."""

    def abandon(self) -> None:
        """Record it as cut, although it goes on: the process ends without it. From any thread."""

    def forget(self) -> None:
        """Record nothing of it: this process is a child, and its parent serves it."""


class Lifecycle:
    """The state that the two planes share."""

    def __init__(self) -> None:
        """Starting."""
        self.started = False
        self.draining = False
        self.requests: set[Active] = set()  # read at each scrape: cheaper than a gauge that locks
        self.websockets: set[Active] = set()
        self.cut: list[str] = []  # what did not come to its end in the time that the stop gives
        self.exit: SystemExit | None = None  # what ends a child that a request has forked
        self.management_port = 0  # known when the listener has bound it
        self._drain = asyncio.Event()

    @classmethod
    def of(cls, connection: HTTPConnection) -> "Lifecycle":
        """The lifecycle of the process that serves this request or websocket: `await lifecycle.drain_began()`."""
        lifecycle = connection.scope["state"]["lifecycle"]
        assert isinstance(lifecycle, cls)
        return lifecycle

    def begin_drain(self) -> None:
        """Stop asking for traffic, and ask clients that keep a connection to open another one elsewhere."""
        self.draining = True
        self._drain.set()

    async def drain_began(self) -> None:
        """Wait until the process has been told to stop."""
        await self._drain.wait()
