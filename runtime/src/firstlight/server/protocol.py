"""One connection of the service port: when its requests arrived, and what its client owes."""

import time
from typing import Any

from ..requests.arrival import ARRIVED
from .flow import HeldFlow
from .kernel import ReceivedAt
from .messages import FRAMING_PER_BYTE
from .refusing import RefusingConnection
from .transport import OwnedTransport


class LimitedProtocol(RefusingConnection):
    """What uvicorn makes for each connection."""

    def __init__(self, **connection: Any) -> None:
        """Hand `connection` on to `RefusingConnection`."""
        super().__init__(**connection)
        self._received_at = ReceivedAt(None)
        self._arrived = 0

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

    def wait_a_turn(self) -> None:
        """Go on when the loop has served the others. uvloop would read 8 MiB of one connection before that."""
        self.flow.hold()
        self.loop.call_soon(self._go_on)

    def upgrade(self) -> None:
        """Change to websocket, which has limits of its own."""
        self._limited_by.close(self)
        self._received_at.close()
        super().upgrade()
        scope = getattr(self.transport.get_protocol(), "scope", None)
        if scope is not None:
            scope[ARRIVED] = self._arrived

    def on_headers_complete(self) -> None:
        """The head is no longer owed."""
        self.scope[ARRIVED] = self._arrived  # type: ignore[literal-required] # an addition of ours
        self._discarded = 0
        super().on_headers_complete()
        self._limited_by.heads.end(self)

    def on_body(self, body: bytes) -> None:
        """The client has made progress. What nobody will read is limited."""
        super().on_body(body)
        if not self.flow.read_paused:
            self._limited_by.bodies.begin(self)
        if not self.busy:
            self._discard(len(body) + FRAMING_PER_BYTE)

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

    def _go_on(self) -> None:
        if self.transport.is_closing():
            return
        if self._rest and (self._in_body or not self.busy):
            self.parse_rest()
        if not self._rest:
            self.flow.release()
        self._owe()

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
