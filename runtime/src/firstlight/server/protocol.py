"""HTTP/1.1 on one connection: uvicorn's protocol on httptools, with limits on what a client may send, and how slowly.

Heads, deadlines, pipelines and the framing of bodies are limited; a request carries the time at which it arrived; an
offer to change to another protocol than websocket is passed over without losing the request that makes it.
"""

import time
from typing import Any

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from ..requests.arrival import ARRIVED
from ..requests.refusals import Refusals
from .answers import ANSWERS
from .connections import Connections
from .kernel import hidden_wait

SLICE_BYTES = 16_384  # what is parsed at once, so that a limit is noticed before memory is used
FRAMING_PER_BYTE = 16  # a chunk of one byte has six of framing
MAX_DISCARDED_BYTES = 1_048_576  # of a client that goes on sending although it has its answer
FRAMING_FIELDS = frozenset({b"content-length", b"transfer-encoding"})


class LimitedProtocol(HttpToolsProtocol):
    """One connection. Its deadlines are kept by `limited_by`, its refusals counted by `refusals`."""

    def __init__(self, *, limited_by: Connections, refusals: Refusals, **uvicorn: Any) -> None:
        """Hand `uvicorn` on to uvicorn's protocol."""
        super().__init__(**uvicorn)
        self._limited_by = limited_by
        self._refusals = refusals
        self._max_head = limited_by.limits.max_head_bytes
        self._arrived = 0
        self._head = 0  # bytes of a head that is not complete yet
        self._framing = 0  # bytes of a message beside its head and its body
        self._in_body = self._replaying = self._refused = False
        self._rest = b""  # read, but not parsed while pipelined requests wait
        self._discarded = 0
        self._unread = 0  # bytes that the client had not read when that was asked last

    @property
    def _busy(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

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
        if self._rest:
            self._rest += data
        else:
            self._parse(data)

    def _parse(self, data: bytes) -> None:
        """Parse slice by slice. What is behind a pipelined request waits until that is answered."""
        while data and not (self._refused or self.transport.is_closing()):
            if self.pipeline:
                self._rest = data
                return
            size = SLICE_BYTES if self._in_body else min(SLICE_BYTES, self._max_head + 1 - self._head)
            piece, data = data[:size], data[size:]
            data = self._feed(piece) + data
        self._owe()

    def _feed(self, piece: bytes) -> bytes:
        """Parse one slice. Returns what is to be parsed anew, behind an upgrade that is passed over."""
        if self._in_body:
            self._framing += len(piece)
        else:
            self._head += len(piece)
        try:
            self.parser.feed_data(piece)
        except httptools.HttpParserUpgrade as upgrade:
            return self._on_upgrade(piece[upgrade.args[0] :])
        except httptools.HttpParserError:
            self.refuse("malformed")
        if self._head > self._max_head:
            self.refuse("head_too_large")
        elif self._framing > self._max_head:
            self.refuse("framing_too_large")
        return b""

    def _owe(self) -> None:
        """Start the clock of what the client owes now."""
        if self._refused or self.transport.is_closing():
            return
        if self._head and self not in self._limited_by.heads.since:
            self._limited_by.heads.begin(self)
        elif self._in_body and self not in self._limited_by.bodies.since:
            self._limited_by.bodies.begin(self)
        elif not (self._busy or self._head or self._in_body):
            self._limited_by.idle.begin(self)

    def _on_upgrade(self, rest: bytes) -> bytes:
        if self._should_upgrade():
            self._limited_by.close(self)
            self.handle_websocket_upgrade()
            return b""
        # httptools ends a message at its head when it offers an upgrade: the body is parsed by a new parser, from the
        # same framing without the offer (MagicStack/httptools#124).
        self._refusals.count("upgrade_refused", self._address)
        framing = [b"%b: %b\r\n" % field for field in self.headers if field[0] in FRAMING_FIELDS]
        self.parser = httptools.HttpRequestParser(self)
        self._replaying = True
        self.parser.feed_data(b"POST / HTTP/1.1\r\n" + b"".join(framing) + b"\r\n")
        self._replaying = False
        return rest

    # What the parser calls.

    def on_message_begin(self) -> None:
        """A request begins, and arrived when its first bytes did."""
        if not self._replaying:
            self._head = self._head or 1
            super().on_message_begin()
            self.scope[ARRIVED] = self._arrived  # type: ignore[typeddict-unknown-key] # an addition of ours

    def on_url(self, url: bytes) -> None:
        """Part of the target."""
        if not self._replaying:
            super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """A field of the head. Trailers are dropped: a field after the body must not change the request."""
        if not (self._replaying or self._in_body):
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """The application starts."""
        if self._replaying:
            return
        self._head = self._framing = 0
        self._in_body = True
        self._limited_by.heads.end(self)
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """The client has made progress; what nobody reads any more is limited."""
        self._framing = max(0, self._framing - (1 + FRAMING_PER_BYTE) * len(body))
        self._limited_by.bodies.begin(self)
        if self.cycle is not None and self.cycle.response_complete:
            self._discard(len(body))
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Nothing is owed any more, unless the parser stopped at an upgrade."""
        if not self.parser.should_upgrade():
            self._in_body = False
            self._limited_by.bodies.end(self)
            super().on_message_complete()

    def on_response_complete(self) -> None:
        """Start the next pipelined request; read on when none is left."""
        self.server_state.total_requests += 1
        if self._refused or self.transport.is_closing():
            return
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())
        if not self.pipeline:
            self.flow.resume_reading()
            rest, self._rest = self._rest, b""
            self._parse(rest)

    # What the deadlines and the transport ask.

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
            self.cycle.disconnected = True
            self.cycle.message_event.set()
            answer = None if self.cycle.response_started else answer
        if answer is None or self._refused or (self._in_body and not self._busy):
            self.transport.abort() if reason or self._refused else self.transport.close()
            return
        self._refused = True
        self._limited_by.end(self)
        self.transport.write(answer)
        self.transport.write_eof()  # and read on for a while: a reset would overtake the answer
        self.flow.resume_reading()

    def _discard(self, size: int) -> None:
        self._discarded += size
        if self._discarded > MAX_DISCARDED_BYTES:
            self.transport.abort()

    @property
    def _address(self) -> str:
        return self.client[0] if self.client else ""
