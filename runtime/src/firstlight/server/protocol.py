"""One connection of the service port: when its requests arrived, how long it may take, and how it ends."""

import time
from typing import TYPE_CHECKING, Any, cast

from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from ..requests.arrival import ARRIVED
from ..requests.early_refusal import EarlyRefusal
from ..requests.refusals import Refusals
from .answers import ANSWERS
from .connections import Connections
from .kernel import hidden_wait
from .messages import LimitedMessages

if TYPE_CHECKING:
    from starlette.types import Scope

MAX_DISCARDED_BYTES = 1_048_576  # of a client that goes on sending although it has its answer


class LimitedProtocol(LimitedMessages):
    """A connection whose deadlines are kept by `limited_by`, and whose refusals are counted by `refusals`."""

    def __init__(
        self, *, limited_by: Connections, refusals: Refusals, overload: EarlyRefusal | None = None, **uvicorn: Any
    ) -> None:
        """Hand `uvicorn` on to uvicorn's protocol. `overload` refuses requests that have waited too long."""
        super().__init__(max_head_bytes=limited_by.limits.max_head_bytes, **uvicorn)
        self._limited_by = limited_by
        self._refusals = refusals
        self._overload = overload
        self._arrived = 0
        self._discarded = 0
        self._unread = 0  # bytes that the client had not read when that was asked last

    def connection_made(self, transport: Any) -> None:
        """Find a place among the connections."""
        super().connection_made(transport)
        self._limited_by.open(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Free the place."""
        self._limited_by.close(self)
        self._rest = b""
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse what came, or discard it after the last answer."""
        if self._refused:
            self._discard(len(data))
            return
        if not (self._head or self._in_body):
            self._arrived = time.perf_counter_ns() - hidden_wait(self.transport)
        self._limited_by.idle.end(self)
        self.parse(data)
        self._owe()

    def upgrade(self) -> None:
        """Change to websocket, which has limits of its own."""
        self._limited_by.close(self)
        super().upgrade()

    def pass_over_upgrade(self) -> None:
        """Count the offer."""
        self._refusals.count("upgrade_refused", self._address)
        super().pass_over_upgrade()

    def on_message_begin(self) -> None:
        """A request arrived when its first bytes did."""
        super().on_message_begin()
        self.scope[ARRIVED] = self._arrived  # type: ignore[literal-required] # an addition of ours

    def on_headers_complete(self) -> None:
        """The head is no longer owed."""
        self._limited_by.heads.end(self)
        super().on_headers_complete()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        """Start the application, unless the request has waited for too long."""
        scope = cast("Scope", cycle.scope)
        if self._overload is None or not self._overload.due(scope):
            super()._start_asgi_task(cycle, app)
            return
        self.transport.write(self._overload.answer(scope, close=not cycle.keep_alive))
        cycle.response_started = cycle.response_complete = True
        if not cycle.keep_alive:
            self.transport.close()
        cycle.on_response()

    def on_body(self, body: bytes) -> None:
        """The client has made progress. What nobody will read is limited."""
        self._limited_by.bodies.begin(self)
        if self.cycle is not None and self.cycle.response_complete:
            self._discard(len(body))
        super().on_body(body)

    def on_message_complete(self) -> None:
        """The body is no longer owed."""
        super().on_message_complete()
        if not self._in_body:
            self._limited_by.bodies.end(self)

    def on_response_complete(self) -> None:
        """Start the next pipelined request; read on when none is left."""
        self.server_state.total_requests += 1
        if self._refused or self.transport.is_closing():
            return
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())
        if not self.pipeline:
            self.flow.resume_reading()
            self.parse_rest()
            self._owe()

    def pause_writing(self) -> None:
        """The client does not read as fast as the application writes."""
        super().pause_writing()
        self._unread = self.transport.get_write_buffer_size()
        self._limited_by.reads.begin(self)

    def resume_writing(self) -> None:
        """It has read."""
        super().resume_writing()
        self._limited_by.reads.end(self)

    def has_progressed(self, owed: str) -> bool:
        """Whether the client has done something since this was asked last, or waits for us."""
        if owed == "head_timeout":
            return self._busy
        if owed == "body_timeout":
            return self.flow.read_paused
        unread, self._unread = self._unread, self.transport.get_write_buffer_size()
        return self._unread < unread

    def refuse(self, reason: str) -> None:
        """End the connection: with an answer where one can still be given, at once where not."""
        if reason:
            self._refusals.count(reason, self._address)
        answer = ANSWERS.get(reason)
        if self._busy:
            answer = None if self.cycle.response_started else answer
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        elif self._in_body:
            answer = None  # it has one
        if answer is None or self._refused:
            self.transport.abort()
            return
        self._refused = True
        self._limited_by.end(self)
        self.transport.write(answer)
        self.transport.write_eof()  # and read on for a while: a reset would overtake the answer
        self.flow.resume_reading()

    @property
    def _busy(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    @property
    def _address(self) -> str:
        return self.client[0] if self.client else ""

    def _owe(self) -> None:
        """Start the clock of what the client owes now."""
        owes = self._limited_by
        if self._refused or self.transport.is_closing():
            return
        if self._head:
            owes.heads.since.setdefault(self, time.monotonic())
        elif self._in_body:
            owes.bodies.since.setdefault(self, time.monotonic())
        elif not self._busy:
            owes.idle.begin(self)

    def _discard(self, size: int) -> None:
        self._discarded += size
        if self._discarded > MAX_DISCARDED_BYTES:
            self.transport.abort()
