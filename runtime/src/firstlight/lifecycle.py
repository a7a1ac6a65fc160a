"""The state of the process: starting, serving, draining. The server writes it; every thread may read it."""

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
        """Record it as cut, although its handler still runs: the process ends now. May be called from any thread."""

    def forget(self) -> None:
        """Do not record it: this process is a forked child, and the parent serves and records it."""


class Lifecycle:
    """The state that both planes read. A handler gets it with `Lifecycle.of(request)`."""

    def __init__(self) -> None:
        """The process is starting."""
        self.started = False
        self.draining = False
        self.requests: set[Active] = set()  # read at each scrape: cheaper than a gauge that locks
        self.websockets: set[Active] = set()
        self.cut: list[str] = []  # names of what was still running at the end of the graceful time
        self.exit: SystemExit | None = None  # set in a child that a request handler has forked: ends it
        self.management_port = 0  # 0 until the listener has bound it
        self._drain = asyncio.Event()

    @classmethod
    def of(cls, connection: HTTPConnection) -> "Lifecycle":
        """The lifecycle of the process that serves this request or websocket."""
        lifecycle = connection.scope["state"]["lifecycle"]
        assert isinstance(lifecycle, cls)
        return lifecycle

    def begin_drain(self) -> None:
        """Make readiness fail, and add `Connection: close` to responses, so that clients reconnect elsewhere."""
        self.draining = True
        self._drain.set()

    async def drain_began(self) -> None:
        """Wait until the drain has begun. Streams and websockets should then end."""
        await self._drain.wait()
