"""The messages of one connection: uvicorn's protocol on httptools, with limits on what a client may send.

Data is parsed in pieces, and a piece ends where a message may end. So a pipelined request stays unparsed until the one
before it is answered, and the size of every head is counted from its first byte, independent of the packets. An
`Upgrade` to another protocol than websocket is ignored, and its request is served.
"""

from typing import Any

import httptools
from starlette.types import Scope

from .. import failures
from ..requests.arrival import ARRIVED, PEER
from ..requests.body_limit import FRAMING
from .heads import CheckedHeads
from .request_target import HostError
from .writing import WritingCycle

LINE_ENDS = b"\r\n"
BLANK_LINE = b"\r\n\r\n"  # ends a head, and a chunked body
PIECE_BYTES = 8192  # parsed at once; takes some milliseconds if it consists of tiny chunks
PIECES = 32  # parsed in one iteration of the loop
FRAMING_PER_BYTE = 16  # a chunk of one byte has five bytes of framing
CLIENTS_MISTAKES = (httptools.HttpParserError, UnicodeError)


class LimitedMessages(CheckedHeads):
    """Parses the data of a client, and refuses messages that are too large."""

    cycle: WritingCycle

    def __init__(self, *, max_head_bytes: int, **uvicorn: Any) -> None:
        """Hand `uvicorn` on to uvicorn's protocol."""
        super().__init__(**uvicorn)
        self._max_head = max_head_bytes
        self._at_once = min(PIECE_BYTES, max_head_bytes)
        self._head = 0  # bytes of a head that is not complete yet
        self._framing = 0  # bytes of a body's framing, minus those that its content allows
        self._discarded = 0  # bytes of a body that the application does not read
        self._arrived = 0  # the time of the last packet of a head
        self._tail = b""  # the last parsed bytes of a head or a chunked body: they may be the start of a blank line
        self._rest = b""  # read, but not parsed while a request is in progress
        self._refused = False

    def refuse(self, reason: str) -> None:
        """End the connection."""
        raise NotImplementedError

    def start(self, scope: Scope, *, keep_alive: bool) -> None:
        """Start the application with a request whose head is complete."""
        raise NotImplementedError

    def wait_a_turn(self) -> None:
        """Let the loop serve other connections before the rest is parsed."""
        raise NotImplementedError

    def upgrade(self) -> None:
        """Change to websocket."""
        self.handle_websocket_upgrade()

    def pass_over_upgrade(self) -> None:
        """Ignore the `Upgrade` of the request.

        httptools ends a message after a head with an upgrade (MagicStack/httptools#124). So a new parser parses the
        same head without `Upgrade`, and then the body.
        """
        framing = [b"%b: %b\r\n" % field for field in self.headers if field[0] in FRAMING]
        self.parser = httptools.HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn does
        self._replaying = True
        self.parser.feed_data(b"POST / HTTP/1.1\r\n" + b"".join(framing) + b"\r\n")
        self._replaying = False

    @property
    def busy(self) -> bool:
        """Whether the response to a request is not complete."""
        return self.cycle is not None and not self.cycle.response_complete

    def parse(self, data: bytes) -> bool:
        """Parse received data. Data after a request is kept until that is answered.

        Returns whether it was one request without a body, which is served now.
        """
        at, size, pieces = 0, len(data), 0
        is_free = self.cycle is None or self.cycle.response_complete
        alone = is_free and size <= self._at_once and not (self._head or self._in_body)
        if alone and data.find(BLANK_LINE) == size - len(BLANK_LINE):  # one head, as most data is
            self._head = size
            self._feed(data)
            return not (self._refused or self._in_body) and self.busy
        while at < size and not (self._refused or self.transport.is_closing()):
            if not self._in_body and self.busy:
                self._rest = data[at:].lstrip(LINE_ENDS)  # empty lines may follow a request, and must stop nothing
                return False
            if pieces == PIECES or (at >= PIECE_BYTES and not self._left):
                self._rest = data[at:]
                self.wait_a_turn()
                return False
            if self._head >= self._max_head:
                self.refuse("head_too_large")
                return False
            at = self._take(data, at, self._end_of_piece(data, at))
            pieces += 1
        return False

    def parse_rest(self) -> None:
        """Parse the kept data."""
        rest, self._rest = self._rest, b""
        self.parse(rest)

    def _end_of_piece(self, data: bytes, at: int) -> int:
        """The latest possible end of the current message."""
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
        """The position after empty lines, which may precede a request."""
        if self._in_body or self._begun or data[at] not in LINE_ENDS:
            return at
        return len(data) - len(data[at:].lstrip(LINE_ENDS))

    def _take(self, data: bytes, at: int, end: int) -> int:
        """Parse one piece. Returns the position of the next one."""
        piece = data if end - at == len(data) else data[at:end]
        if self._in_body:
            self._framing += end - at
        else:
            self._head += end - at
        taken = self._feed(piece)
        if self._framing > self._max_head:
            self.refuse("framing_too_large")
        return at + taken

    def _feed(self, piece: bytes) -> int:
        """Give the parser a piece. Returns how much of it was taken: an offer of another protocol ends it."""
        try:
            self.parser.feed_data(piece)
        except httptools.HttpParserUpgrade as offer:
            self._tail = b""
            self._answer_offer()
            return int(offer.args[0])
        except httptools.HttpParserError as error:
            self._not_parsed(error)
        else:
            self._tail = (self._tail + piece)[-3:] if self._head or self._in_body else b""
        return len(piece)

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
            if isinstance(cause, HostError):
                self.refuse("bad_host")
                return
            if not (cause is None or isinstance(cause, CLIENTS_MISTAKES)):
                failures.report("request", "http.request_failed", cause)  # a bug of ours
        self.refuse("malformed")

    # Called by the parser.

    def on_headers_complete(self) -> None:
        """Start the application."""
        if self._replaying:
            return
        self.check_host_and_target()
        parser, scope = self.parser, self.read_scope()
        scope[ARRIVED], scope[PEER] = self._arrived, self.client
        self._in_body = True  # set before the application is started, or the request is shed
        if not (parser.should_upgrade() and self._should_upgrade()):
            try:
                self.start(scope, keep_alive=scope["http_version"] != "1.0" and parser.should_keep_alive())
            except BaseException:
                self._in_body = False  # it will not be answered
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
        """The request is complete, unless the parser stopped at an `Upgrade`."""
        if self.parser.should_upgrade():
            return
        self._in_body = False
        if not self.cycle.response_complete:
            self.cycle.more_body = False
            self.cycle.notify()
