"""The messages of one connection: uvicorn's protocol on httptools, with limits on what a client may send.

What is read is parsed piece by piece, and a piece ends where a message may end. So a request that follows another one
waits, unparsed, until that one is answered, and every head is counted from its first byte, however the bytes are split
into packets. An offer to change to another protocol than websocket is passed over: the request that makes it is served.
"""

from typing import Any

import httptools

from .. import failures
from ..requests.arrival import ARRIVED, PEER
from .heads import CheckedHeads

LINE_ENDS = b"\r\n"
BLANK_LINE = b"\r\n\r\n"  # ends a head, and a chunked body
PIECE_BYTES = 8192  # parsed at once: some milliseconds, if it is made of tiny chunks
PIECES = 32  # and so many in one turn
FRAMING_PER_BYTE = 16  # a chunk of one byte has five bytes of framing
FRAMING_FIELDS = frozenset({b"content-length", b"transfer-encoding"})
CLIENTS_MISTAKES = (httptools.HttpParserError, UnicodeError)


class LimitedMessages(CheckedHeads):
    """Parses what a client sends, and refuses what is too large."""

    def __init__(self, *, max_head_bytes: int, **uvicorn: Any) -> None:
        """Hand `uvicorn` on to uvicorn's protocol."""
        super().__init__(**uvicorn)
        self._max_head = max_head_bytes
        self._at_once = min(PIECE_BYTES, max_head_bytes)
        self._head = 0  # bytes of a head that is not complete yet
        self._framing = 0  # bytes of a body's framing, less what its content allows for
        self._discarded = 0  # bytes of a body that nobody will read
        self._arrived = 0  # when the last packet of a head did
        self._tail = b""  # the end of what was parsed of a head or a chunked body: a blank line may go on there
        self._rest = b""  # read, but not parsed while a request is in progress
        self._refused = False

    def refuse(self, reason: str) -> None:
        """End the connection."""
        raise NotImplementedError

    def wait_a_turn(self) -> None:
        """Let others run before the rest is parsed."""
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
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn does
        self._replaying = True
        self.parser.feed_data(b"POST / HTTP/1.1\r\n" + b"".join(framing) + b"\r\n")
        self._replaying = False

    @property
    def busy(self) -> bool:
        """Whether a request is in progress whose response is not complete."""
        return self.cycle is not None and not self.cycle.response_complete

    def parse(self, data: bytes) -> None:
        """Parse what has come. What is behind a request waits until that is answered."""
        at, size, pieces = 0, len(data), 0
        alone = size <= self._at_once and not (self._head or self._in_body or self.busy)
        if alone and data.find(BLANK_LINE) == size - len(BLANK_LINE):  # one request without a body, as most are
            self._feed(data, 0, size)
            return
        while at < size and not (self._refused or self.transport.is_closing()):
            if not self._in_body and self.busy:
                self._rest = data[at:]
                return
            if pieces == PIECES or (at >= PIECE_BYTES and not self._left):
                self._rest = data[at:]
                self.wait_a_turn()
                return
            if self._head >= self._max_head:
                self.refuse("head_too_large")
                return
            at = self._feed(data, at, self._end_of_piece(data, at))
            pieces += 1

    def parse_rest(self) -> None:
        """Parse what has waited."""
        rest, self._rest = self._rest, b""
        self.parse(rest)

    def _end_of_piece(self, data: bytes, at: int) -> int:
        """Where the message that is being parsed ends, at the latest."""
        if self._left:
            return min(len(data), at + min(self._left, PIECE_BYTES))
        size = PIECE_BYTES if self._in_body else min(PIECE_BYTES, self._max_head - self._head)
        split = (self._tail + data[at : at + 3]).find(BLANK_LINE) if self._tail else -1
        if split >= 0:
            size = min(size, split + len(BLANK_LINE) - len(self._tail))
        elif (blank := data.find(BLANK_LINE, self._begin_of_head(data, at), at + size)) >= 0:
            return blank + len(BLANK_LINE)
        return min(len(data), at + size)

    def _begin_of_head(self, data: bytes, at: int) -> int:
        """Behind the empty lines that may stand before a request."""
        if self._in_body or self._begun or data[at] not in LINE_ENDS:
            return at
        return len(data) - len(data[at:].lstrip(LINE_ENDS))

    def _feed(self, data: bytes, at: int, end: int) -> int:
        """Parse one piece. Returns where the next one begins."""
        piece = data if end - at == len(data) else data[at:end]
        if self._in_body:
            self._framing += end - at
        else:
            self._head += end - at
        try:
            self.parser.feed_data(piece)
        except httptools.HttpParserUpgrade as offer:
            self._tail = b""
            end = at + offer.args[0]
            self._answer_offer()
        except httptools.HttpParserError as error:
            self._not_parsed(error)
        else:
            self._tail = (self._tail + piece)[-3:] if self._head or self._in_body else b""
        if self._framing > self._max_head:
            self.refuse("framing_too_large")
        return end

    def _answer_offer(self) -> None:
        if self._should_upgrade():
            self.upgrade()
            return
        try:
            self.pass_over_upgrade()
        except httptools.HttpParserError as error:
            self._not_parsed(error)

    def _not_parsed(self, error: httptools.HttpParserError) -> None:
        if isinstance(error, httptools.HttpParserCallbackError):
            cause = error.__context__
            if not (cause is None or isinstance(cause, CLIENTS_MISTAKES)):
                failures.report("request", "http.request_failed", cause)  # a bug of ours
        self.refuse("malformed")

    # What the parser calls.

    def on_headers_complete(self) -> None:
        """The application starts."""
        if self._replaying:
            return
        self.check_hosts()
        self.scope[ARRIVED] = self._arrived  # type: ignore[literal-required] # an addition of ours
        self.scope[PEER] = self.client  # type: ignore[literal-required] # as above
        self._in_body = True  # already when the application starts, or is not started because of the load
        try:
            super().on_headers_complete()
        except BaseException:
            self._in_body = False  # nobody answers it
            raise
        self._head = self._framing = self._discarded = 0
        self._begun = False

    def on_body(self, body: bytes) -> None:
        """Part of the body."""
        size = len(body)
        self._framing -= (1 + FRAMING_PER_BYTE) * size
        self._left = max(0, self._left - size)
        super().on_body(body)

    def on_message_complete(self) -> None:
        """The request is complete, unless the parser stopped at an offer."""
        if self.parser.should_upgrade():
            return
        self._in_body = False
        if not self.cycle.response_complete:
            self.cycle.more_body = False
            self.cycle.message_event.set()
