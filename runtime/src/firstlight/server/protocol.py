"""One connection of the service port: when its requests arrived, how long it may take, and how it ends."""

import time
from typing import Any

from ..requests.arrival import ARRIVED
from ..requests.refusals import Refusals
from .answers import ANSWERS
from .connections import Connections
from .flow import HeldFlow
from .kernel import ReceivedAt
from .messages import LimitedMessages
from .transport import OwnedTransport

MAX_DISCARDED_BYTES = 16_777_216  # of a client that goes on sending although it has its answer


class LimitedProtocol(LimitedMessages):
    """A connection whose deadlines are kept by `limited_by`, and whose refusals are counted by `refusals`."""

    flow: HeldFlow

    def __init__(self, *, limited_by: Connections, refusals: Refusals, **uvicorn: Any) -> None:
        """Hand `uvicorn` on to uvicorn's protocol."""
        super().__init__(max_head_bytes=limited_by.limits.max_head_bytes, **uvicorn)
        self._limited_by = limited_by
        self._refusals = refusals
        self._received_at = ReceivedAt(None)
        self._arrived = 0
        self._discarded = 0
        self._unread = 0  # bytes that the client had not read when that was asked last

    def connection_made(self, transport: Any) -> None:
        """Find a place among the connections."""
        super().connection_made(OwnedTransport(transport, self))  # type: ignore[arg-type] # as good as a transport
        self.flow = HeldFlow(transport, self._flow_changed)
        self._received_at = ReceivedAt(transport)
        self._limited_by.open(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Free the place."""
        self._limited_by.close(self)
        self._received_at.close()
        self._rest = b""
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse what came, or discard it after the last answer."""
        if self._refused:
            self._discard(len(data))
            return
        if self._rest:
            self._rest += data
            return
        # The last packet of a head counts: how long a client takes over its head is not the service's time.
        self._arrived = time.perf_counter_ns() if self._in_body else self._received_at()
        self._limited_by.idle.end(self)
        self.parse(data)
        self._owe()

    def upgrade(self) -> None:
        """Change to websocket, which has limits of its own."""
        self._limited_by.close(self)
        self._received_at.close()
        super().upgrade()
        scope = getattr(self.transport.get_protocol(), "scope", None)
        if scope is not None:
            scope[ARRIVED] = self._arrived

    def pass_over_upgrade(self) -> None:
        """Count the offer."""
        self._refusals.count("upgrade_refused", self._address)
        super().pass_over_upgrade()

    def on_headers_complete(self) -> None:
        """The head is no longer owed."""
        self.scope[ARRIVED] = self._arrived  # type: ignore[literal-required] # an addition of ours
        self._discarded = 0
        super().on_headers_complete()
        self._limited_by.heads.end(self)

    def on_body(self, body: bytes) -> None:
        """The client has made progress. What nobody will read is limited."""
        self._limited_by.bodies.begin(self)
        super().on_body(body)
        if not self.busy:
            self._discard(len(body))

    def on_message_complete(self) -> None:
        """The body is no longer owed."""
        super().on_message_complete()
        if not self._in_body:
            self._limited_by.bodies.end(self)

    def on_response_complete(self) -> None:
        """Start the request that has waited; read on when there is none."""
        self.server_state.total_requests += 1
        if self._refused or self.transport.is_closing():
            return
        if self._rest:
            self._arrived = time.perf_counter_ns()  # it waited for the client's own request before it
            self.parse_rest()
        if not self._rest:
            self.flow.release()
        self._owe()

    def pause_writing(self) -> None:
        """The client does not read as fast as the application writes."""
        super().pause_writing()
        self._owe_reading()

    def resume_writing(self) -> None:
        """It has read."""
        super().resume_writing()
        if not self.transport.is_closing():
            self._limited_by.reads.end(self)

    def has_progressed(self, owed: str) -> bool:
        """Whether the client has done something since this was asked last."""
        if owed != "write_timeout":
            return False
        unread, self._unread = self._unread, self.transport.get_write_buffer_size()
        return self._unread < unread

    def refuse(self, reason: str) -> None:
        """End the connection: with an answer where one can still be given, at once where not."""
        self._refusals.count(reason, self._address)
        answer = self._answer_to(reason)
        if self.busy:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        if answer:
            self.transport.write(answer)
            self._linger()
        else:
            self.transport.abort()

    def evict(self, reason: str) -> None:
        """Give the place to somebody else."""
        if reason:
            self._refusals.count(reason, self._address)
        self.transport.abort()

    def leave(self) -> None:
        """Close the connection. A client that is still sending is given the time to read its answer."""
        if self.transport.is_closing():
            return
        if self._in_body and not (self.busy or self._refused):
            self._linger()
            return
        bare = self.transport.bare  # type: ignore[attr-defined] # ours
        bare.close()
        if bare.get_write_buffer_size():
            self._owe_reading()

    @property
    def _address(self) -> str:
        return self.client[0] if self.client else ""

    def _answer_to(self, reason: str) -> bytes:
        """What the client is told; nothing when it has an answer, or has never asked for anything."""
        answered = self._in_body and not self.busy
        silent = reason == "head_timeout" and not self._head
        if answered or silent or self._refused or self.transport.is_closing():
            return b""
        if self.busy and self.cycle.response_started:
            return b""
        return ANSWERS.get(reason, b"")

    def _linger(self) -> None:
        """Read on for a while: where data is left unread, the kernel sends a reset that overtakes the answer."""
        self._refused = True
        self._limited_by.end(self)
        self.transport.write_eof()
        self.flow.release()

    def _flow_changed(self) -> None:
        """A client of whom we do not read owes nothing meanwhile."""
        bodies = self._limited_by.bodies
        if self.flow.read_paused or not self._in_body or self._refused:
            bodies.end(self)
        else:
            bodies.begin(self)

    def _owe(self) -> None:
        """Start the clock of what the client owes now."""
        owes = self._limited_by
        if self._refused or self.transport.is_closing():
            return
        if self._rest:
            self.flow.hold()
        elif self._head:
            owes.heads.begin_once(self)
        elif self._in_body:
            if not self.flow.read_paused:
                owes.bodies.begin_once(self)
        elif not self.busy:
            owes.idle.begin(self)

    def _owe_reading(self) -> None:
        self._unread = self.transport.get_write_buffer_size()
        self._limited_by.reads.begin(self)

    def _discard(self, size: int) -> None:
        self._discarded += size
        if self._discarded > MAX_DISCARDED_BYTES:
            self.transport.abort()
