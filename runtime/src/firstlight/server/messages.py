"""The messages of one connection: uvicorn's protocol on httptools, with limits on what a client may send.

Heads, the framing of bodies and pipelines are limited while they are parsed, so that no limit is noticed too late. An
offer to change to another protocol than websocket is passed over, and the request that makes it is not lost.
"""

from typing import Any

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

SLICE_BYTES = 16_384  # what is parsed at once
FRAMING_PER_BYTE = 16  # a chunk of one byte has six of framing
FRAMING_FIELDS = frozenset({b"content-length", b"transfer-encoding"})


class LimitedMessages(HttpToolsProtocol):
    """Parses what a client sends, and refuses what is too large."""

    def __init__(self, *, max_head_bytes: int, **uvicorn: Any) -> None:
        """Hand `uvicorn` on to uvicorn's protocol."""
        super().__init__(**uvicorn)
        self._max_head = max_head_bytes
        self._head = 0  # bytes of a head that is not complete yet
        self._framing = 0  # bytes of a message beside its head and its body
        self._in_body = self._replaying = self._refused = False
        self._rest = b""  # read, but not parsed while pipelined requests wait

    def refuse(self, reason: str) -> None:
        """End the connection."""
        raise NotImplementedError

    def upgrade(self) -> None:
        """Change to websocket."""
        self.handle_websocket_upgrade()

    def pass_over_upgrade(self) -> None:
        """Go on as if there had been no offer to change the protocol.

        httptools ends a message at its head when that makes an offer (MagicStack/httptools#124): the body is parsed by
        a new parser, from the same framing without the offer.
        """
        framing = [b"%b: %b\r\n" % field for field in self.headers if field[0] in FRAMING_FIELDS]
        self.parser = httptools.HttpRequestParser(self)
        self._replaying = True
        self.parser.feed_data(b"POST / HTTP/1.1\r\n" + b"".join(framing) + b"\r\n")
        self._replaying = False

    def parse(self, data: bytes) -> None:
        """Parse slice by slice. What is behind a pipelined request waits until that is answered."""
        if self._rest:
            self._rest += data
            return
        while data and not (self._refused or self.transport.is_closing()):
            if self.pipeline:
                self._rest = data
                return
            size = SLICE_BYTES if self._in_body else min(SLICE_BYTES, self._max_head + 1 - self._head)
            piece, data = data[:size], data[size:]
            data = self._feed(piece) + data

    def parse_rest(self) -> None:
        """Parse what has waited."""
        rest, self._rest = self._rest, b""
        self.parse(rest)

    def _feed(self, piece: bytes) -> bytes:
        """Parse one slice. Returns what is to be parsed anew, behind an offer that is passed over."""
        if self._in_body:
            self._framing += len(piece)
        else:
            self._head += len(piece)
        try:
            self.parser.feed_data(piece)
        except httptools.HttpParserUpgrade as offer:
            if self._should_upgrade():
                self.upgrade()
                return b""
            self.pass_over_upgrade()
            return piece[offer.args[0] :]
        except httptools.HttpParserError:
            self.refuse("malformed")
        if self._head > self._max_head:
            self.refuse("head_too_large")
        elif self._framing > self._max_head:
            self.refuse("framing_too_large")
        return b""

    # What the parser calls.

    def on_message_begin(self) -> None:
        """A request begins."""
        if not self._replaying:
            self._head = self._head or 1
            super().on_message_begin()

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
        if not self._replaying:
            self._head = self._framing = 0
            self._in_body = True
            super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Part of the body."""
        self._framing = max(0, self._framing - (1 + FRAMING_PER_BYTE) * len(body))
        super().on_body(body)

    def on_message_complete(self) -> None:
        """The request is complete, unless the parser stopped at an offer."""
        if not self.parser.should_upgrade():
            self._in_body = False
            super().on_message_complete()
