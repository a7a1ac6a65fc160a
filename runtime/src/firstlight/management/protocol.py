"""One connection of the management port: limited size, no pipelining, one deadline for each request.

No page reads a body, except for the development console: its bodies count as a part of the head.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import IntEnum

import httptools
from uvicorn import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from ..requests.refusals import Refusals
from ..server.answers import ANSWERS

MAX_DISCARDED_BYTES = 1_048_576  # from a client that still sends after it was refused


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Limits of the management port. They are not settings: probes and scrapes are the same everywhere."""

    connections: int = 64
    head_bytes: int = 16_384
    request_seconds: float = 5.0  # from the first byte of a request, or from accept, to the last byte of its answer
    keep_alive_seconds: float = 75.0  # longer than a Prometheus waits between two scrapes
    bodies: bool = False  # the bodies of POST requests are read, and count as a part of the head


@dataclass(frozen=True, slots=True)
class Port:
    """What all connections of one port share."""

    config: Config
    limits: Limits
    refusals: Refusals
    state: ServerState = field(default_factory=ServerState)


class Phase(IntEnum):
    """What a connection waits for. Those with the lowest phase are closed first when there are too many."""

    IDLE = 0  # it waits for the next request
    HEAD = 1
    ANSWER = 2


class _RefusedError(Exception):
    """Ends the parsing of data after a request that is being answered."""


class Connection(HttpToolsProtocol):
    """uvicorn's protocol with limits. Everything runs in the thread of its loop."""

    def __init__(self, port: Port, client: str, closed: Callable[["Connection"], None]) -> None:
        """Create it in the running loop, before the transport. `closed` is called when the connection has ended."""
        super().__init__(port.config, port.state, {})
        self.access_log = False  # probes must not be logged, also when uvicorn's logger has handlers
        self.keeps_alive = True  # false when the descriptor is needed after this response
        self._client_address = client
        self._limits = port.limits
        self._refusals = port.refusals
        self._closed = closed
        self._ending = False  # everything that the client still sends is discarded
        self._discarded = 0
        self._reads_body = False
        self._timer: asyncio.TimerHandle
        self._await_head()

    def _await_head(self) -> None:
        self.phase = Phase.HEAD
        self.since = self.loop.time()
        self._head_bytes = 0
        self._timer = self.loop.call_later(self._limits.request_seconds, self._expire)

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # uvicorn's own signature
        """Start reading, unless the connection was refused before."""
        super().connection_made(transport)
        transport.set_write_buffer_limits(0)  # so that `resume_writing` is called when the last byte has been sent
        if self._ending:
            transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Cancel the timers and report the end."""
        self._ending = True
        self._timer.cancel()
        self._unset_keepalive_if_required()
        super().connection_lost(exc)
        self._closed(self)

    def data_received(self, data: bytes) -> None:
        """Parse a head. Discard everything after it."""
        if self._ending:
            self._discarded += len(data)
            if self._discarded > MAX_DISCARDED_BYTES:
                self.transport.abort()
            return
        if self.phase is Phase.ANSWER and not self._reads_body:
            self._close_after_answer("pipeline_too_deep")
            return
        if self.phase is Phase.IDLE:
            self._unset_keepalive_if_required()
            self._await_head()
        self._parse(data)

    def _parse(self, data: bytes) -> None:
        left = self._limits.head_bytes - self._head_bytes
        self._head_bytes += len(data)
        try:
            self.parser.feed_data(data[:left])
        except httptools.HttpParserUpgrade:  # answer without the upgrade
            self._close_after_answer()
        except httptools.HttpParserError:
            self._refuse_rest("malformed")
        else:
            if len(data) > left:
                self._refuse_rest("head_too_large")

    def on_message_begin(self) -> None:
        """Refuse a pipelined request. The client repeats it on another connection."""
        if self.phase is Phase.ANSWER:
            self._close_after_answer("pipeline_too_deep")
            raise _RefusedError
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Call the application."""
        super().on_headers_complete()
        self.phase = Phase.ANSWER
        has_body = any(
            name in {b"content-length", b"transfer-encoding"} and value != b"0" for name, value in self.headers
        )
        self._reads_body = has_body and self._limits.bodies and self.scope["method"] == "POST"
        if self._reads_body:
            self.cycle.keep_alive = False
        elif has_body or not self.keeps_alive:
            self._close_after_answer()

    def on_body(self, body: bytes) -> None:
        """Discard the body, unless the console reads it."""
        if self._reads_body:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """Discard everything after a body."""
        super().on_message_complete()
        if self._reads_body:
            self._reads_body = False
            self._close_after_answer()

    def on_response_complete(self) -> None:
        """Wait for the next request after the last byte has been sent."""
        super().on_response_complete()
        self._settle()

    def resume_writing(self) -> None:
        """Called when the write buffer is empty."""
        super().resume_writing()
        self._settle()

    def end(self, reason: str = "") -> None:
        """Close at once and drop unsent data. With a `reason`, count a refusal."""
        if reason:
            self._refusals.count(reason, self._client_address)
        self._ending = True
        if self.transport is not None:
            self.transport.abort()

    def _settle(self) -> None:
        if self.phase is not Phase.ANSWER:
            return
        if self.cycle.response_complete and not self.flow.write_paused and not self.transport.is_closing():
            self._timer.cancel()
            self.phase = Phase.IDLE
            self.since = self.loop.time()

    def _expire(self) -> None:
        if self._ending and self.phase is Phase.HEAD:  # refused, counted, and the client still sends
            self.end()
        elif self.phase is Phase.HEAD:
            self.end("head_timeout")
        elif self.cycle.response_started and not self.cycle.response_complete and not self.flow.write_paused:
            # A stream whose client reads in time.
            self._timer = self.loop.call_later(self._limits.request_seconds, self._expire)
        else:
            self.end("write_timeout")

    def _close_after_answer(self, reason: str = "") -> None:
        if reason:
            self._refusals.count(reason, self._client_address)
        self._ending = True
        self.cycle.keep_alive = False

    def _refuse_rest(self, reason: str) -> None:
        """Answer, and continue to read for a while: closing now would reset the connection before the client reads."""
        if self._ending:  # already refused, or the body of a request
            return
        if self.phase is Phase.ANSWER:
            self._close_after_answer(reason)
            return
        self._refusals.count(reason, self._client_address)
        self._ending = True
        self.transport.write(ANSWERS[reason])
        self.transport.write_eof()
