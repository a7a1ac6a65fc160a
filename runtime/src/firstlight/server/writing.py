"""The response to one request on the wire. It leaves in one write, unless its body comes later or is large.

uvicorn writes head and body one after the other, and uvloop makes a system call and a packet of each. So the head is
held until the body follows. A body that does not follow at once, such as that of a stream, delays it by one iteration
of the loop. A head is built in one pass over its fields, together with those that the service adds to every response.
"""

from collections.abc import Sequence
from typing import Any

from ..requests.response_start import completed
from ..security.headers import LINES
from .cycle import Cycle
from .known_fields import NO_VALUE, REPEATED, refuse_value

JOINED_BYTES = 65_536  # a larger body is sent by itself: copying it would cost more than a second call
START, BODY = "http.response.start", "http.response.body"
_LENGTH, _CODING = b"content-length", b"transfer-encoding"
_FRAMING = frozenset({_LENGTH, _CODING, b"connection"})
_UNCHANGED = 304
_WITHOUT_BODY = frozenset({204, _UNCHANGED})
_LONGER = "The body is longer than the Content-Length of the response."
_SHORTER = "The body is shorter than the Content-Length of the response."


class WritingCycle(Cycle):
    """A request with its response."""

    async def send(self, message: Any) -> None:
        """Send the head or a part of the body. Raises `RuntimeError` for a message that ASGI does not allow now."""
        if self.flow.write_paused and not self.disconnected:
            await self.flow.drain()
        if self.disconnected:
            return
        if self.response_complete:
            msg = f"The response is complete, and the application sends {message['type']}."
            raise RuntimeError(msg)
        expected = BODY if self.response_started else START
        if message["type"] != expected:
            msg = f"The application sends {message['type']}, where {expected} is due."
            raise RuntimeError(msg)
        if self.response_started:
            self._go_on(message.get("body", b""), more=message.get("more_body", False))
            return
        self.held = self._head(message["status"], message.get("headers", ()))
        self._begin()
        self.connection.held_heads.add(self, self.connection.loop.call_soon)

    @property
    def is_free(self) -> bool:
        """Whether `write_whole` may be called now."""
        return not (self.response_started or self.disconnected or self.flow.write_paused)

    def write_whole(self, status: int, fields: Sequence[Sequence[bytes]], body: bytes) -> None:
        """Send head and body at once. Raises `RuntimeError` for fields or a body that a response must not have."""
        head = self.held = self._head(status, fields)
        self._begin()
        if self.chunked_encoding or len(body) != self.expected_content_length or len(body) > JOINED_BYTES:
            self._go_on(body, more=False)
            return
        self.held, self.expected_content_length = [], 0
        head.append(body)
        self.transport.write(b"".join(head))
        self._complete()

    def _begin(self) -> None:
        self.response_started = True
        if self.waiting_for_100_continue:
            self.waiting_for_100_continue, self.body_unwanted = False, True

    def flush(self) -> None:
        """Send the head, if it is still held."""
        if self.held:
            head, self.held = self.held, []
            if not (self.disconnected or self.transport.is_closing()):
                self.transport.write(b"".join(head))

    def _head(self, status: int, fields: Sequence[Sequence[bytes]]) -> list[bytes]:
        known, added = self.connection.known_fields, self.scope.get(LINES)
        names, once = known.names, added[1].names if added else frozenset()
        head = [known.beginning(status, self.connection.server_state.default_headers)]
        self.chunked_encoding, self.expected_content_length, closes = None, 0, False
        for given, value in fields:
            name = names.get(given) or known.examined(given)
            if name in REPEATED and type(value) is bytes and name not in once:
                head.append(known.lines.get((name, value)) or known.line(name, value))
                continue
            if NO_VALUE.search(value):
                refuse_value(name)
            if name in _FRAMING:
                closes = self._frame(name, value) or closes
            elif added and name in once:  # the application has set it itself
                self.scope[LINES] = None
                return self._head(status, completed(fields, *added))
            head += (name, b": ", value, b"\r\n")
        if added:
            (name, value), more, lines = added
            head += (name, b": ", value, b"\r\n", more.lines, lines)
        if not (self.keep_alive or closes):
            head.append(b"connection: close\r\n")
        if self.chunked_encoding is None and self.scope["method"] != "HEAD" and status not in _WITHOUT_BODY:
            self.chunked_encoding = True
            head.append(b"transfer-encoding: chunked\r\n")
        if status == _UNCHANGED:  # its Content-Length is that of the 200
            self.expected_content_length = 0
        head.append(b"\r\n")
        return head

    def _frame(self, name: bytes, value: bytes) -> bool:
        """Note how the body is delimited. Returns whether the connection closes after it."""
        if name == _LENGTH:
            if self.chunked_encoding is None:
                self.expected_content_length, self.chunked_encoding = int(value), False
        elif name == _CODING:
            if value.lower() == b"chunked":
                self.expected_content_length, self.chunked_encoding = 0, True
        elif b"close" in (token.strip() for token in value.lower().split(b",")):
            self.keep_alive = False
            return True
        return False

    def _go_on(self, body: bytes, *, more: bool) -> None:
        if self.scope["method"] == "HEAD":
            self.expected_content_length, body = 0, b""
        elif self.chunked_encoding:
            chunk = (b"%x\r\n" % len(body), body, b"\r\n") if body else ()
            body = b"".join((*chunk, b"" if more else b"0\r\n\r\n"))
        else:
            self._count(len(body), more=more)
        held = self.held
        if held and len(body) <= JOINED_BYTES:
            self.held = []
            held.append(body)
            self.transport.write(b"".join(held))
        else:
            self.flush()
            if body:
                self.transport.write(body)
        if not more:
            self._complete()

    def _count(self, size: int, *, more: bool) -> None:
        """Count bytes of the body. A body of another length is refused, with its head where that is still held."""
        self.expected_content_length -= size
        is_longer, is_shorter = self.expected_content_length < 0, self.expected_content_length > 0 and not more
        if self.held and (is_longer or is_shorter):
            self.held, self.response_started = [], False
        if is_longer or (is_shorter and not self.response_started):
            raise RuntimeError(_LONGER if is_longer else _SHORTER)

    def _complete(self) -> None:
        if self.expected_content_length:
            raise RuntimeError(_SHORTER)
        self.response_complete = True
        self.notify()
        if not self.keep_alive:
            self.transport.close()
        self.on_response()
