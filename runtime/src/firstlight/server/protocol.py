"""One connection of the service port: the arrival time of its requests, and the deadlines of its client."""

import time
from contextvars import Context
from typing import Any

from starlette.types import Scope

from ..requests.arrival import ARRIVED, PEER
from ..requests.early_refusal import EarlyRefusal
from ..security.headers import LINES
from .connections import Connections, Owed
from .flow import HeldFlow
from .kernel import ReceivedAt
from .messages import FRAMING_PER_BYTE
from .refusing import RefusingConnection
from .transport import OwnedTransport
from .writing import WritingCycle


class LimitedProtocol(RefusingConnection):
    """The protocol that uvicorn creates for each connection."""

    def __init__(self, *, limited_by: Connections, overload: EarlyRefusal | None = None, **connection: Any) -> None:
        """Hand `connection` on to `RefusingConnection`. `overload` refuses requests that have waited too long."""
        super().__init__(limited_by=limited_by, **connection)
        self._overload = overload
        self.held_heads, self.known_fields = limited_by.held_heads, limited_by.known_fields
        self._received_at = ReceivedAt(None)
        self._owed: Owed | None = limited_by.heads
        self._progressed = False  # whether a part of the body has arrived
        self._upgraded = False  # another protocol has the connection now

    def connection_made(self, transport: Any) -> None:
        """Add the connection to `Connections`."""
        self._owned = OwnedTransport(transport, self)
        as_good: Any = self._owned  # as a transport
        super().connection_made(as_good)
        self.flow = HeldFlow(transport, self._flow_changed)
        self._received_at = ReceivedAt(transport)
        self._limited_by.open(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Remove the connection."""
        self._limited_by.close(self)
        self._received_at.close()
        self._rest = b""
        super().connection_lost(exc)
        self._let_go()
        self._owned.end()

    def data_received(self, data: bytes) -> None:
        """Parse received data, or discard it after the last response."""
        if self._refused:
            self._discard(len(data))
            return
        if self._rest:
            self._rest += data
            return
        # The last packet of a head counts: the time that a client needs for its head is not latency of the service.
        self._arrived = time.perf_counter_ns() if self._in_body else self._received_at()
        if not (self.parse(data) and self._owed is self._limited_by.idle):
            self._owe()

    def wait_a_turn(self) -> None:
        """Continue after the loop has served others. uvloop would first read 8 MiB from this connection."""
        self.flow.hold()
        self.loop.call_soon(self._go_on)

    def upgrade(self) -> None:
        """Change to websocket, which has limits of its own."""
        self._limited_by.close(self)
        self._received_at.close()
        self._upgraded = True
        super().upgrade()
        scope = getattr(self.transport.get_protocol(), "scope", None)
        if scope is not None:
            scope[ARRIVED], scope[PEER] = self._arrived, self.client
        self._let_go()

    def _let_go(self) -> None:
        """Drop the last request and what refers to this object, so that it is freed now.

        Otherwise both would stay until a full collection, which is rare: 34 MiB after 181 heads without end.
        """
        nothing: Any = None
        self.cycle = self.scope = nothing
        self.headers = []
        self.flow.end()

    def on_body(self, body: bytes) -> None:
        """Note the client's progress, and limit the bytes that the application does not read."""
        super().on_body(body)
        self._progressed = True
        if not self.busy:
            self._discard(len(body) + FRAMING_PER_BYTE)

    def start(self, scope: Scope, *, keep_alive: bool) -> None:
        """Start the application, unless the request has waited too long and is shed."""
        if not self.flow.write_paused:
            self._limited_by.reads.end(self)  # of an earlier response
        self.cycle = cycle = WritingCycle(self, scope, keep_alive=keep_alive, asks_first=self.expect_100_continue)
        if self._overload is None or not self._overload.due(scope):
            scope[LINES] = None
            cycle.start(self.app)
            return
        self.transport.write(self._overload.answer(scope, close=not keep_alive))
        cycle.response_started = cycle.response_complete = True
        if not keep_alive:
            self.transport.close()
        cycle.on_response()

    def on_response_complete(self) -> None:
        """Start the request that has waited; read on when there is none."""
        if self._refused or self.transport.is_closing():
            return
        if self._rest:
            self._arrived = time.perf_counter_ns()  # waiting for the client's earlier request is not latency
            Context().run(self.parse_rest)  # not in that of the earlier request, which would bind its ids and fields
        if self.flow.read_paused and not self._rest:
            self.flow.open()
        idle = self._limited_by.idle
        if self._owed is idle and not (self._rest or self._in_body or self._begun):  # as after most requests
            idle.begin(self)
        else:
            self._owe(answered=True)

    def _go_on(self) -> None:
        if self.transport.is_closing():
            return
        if self._rest and (self._in_body or not self.busy):
            self.parse_rest()
        if not self._rest:
            self.flow.release()
        self._owe()

    def _flow_changed(self) -> None:
        """While we do not read, the client owes nothing."""
        if self._in_body:
            self._owe()

    def _owe(self, *, answered: bool = False) -> None:
        """Start the deadline for what the client owes now. Only a response starts that of an idle connection again."""
        if self._refused or self._upgraded or self.transport.is_closing():
            return
        owed, owes = None, self._limited_by
        if self._rest:
            self.flow.hold()
        elif self._in_body:
            owed = None if self.flow.read_paused else owes.bodies
        elif self._begun:
            owed = owes.heads
        elif not self.busy:
            owed = owes.heads if self.cycle is None else owes.idle
        if owed is not self._owed or self._progressed or (answered and owed is owes.idle):
            self._change_debt(owed)

    def _change_debt(self, owed: Owed | None) -> None:
        if self._owed is not None and self._owed is not owed:
            self._owed.end(self)
        if owed is not None:
            owed.begin(self)
        self._owed, self._progressed = owed, False
