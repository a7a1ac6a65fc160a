"""One request and its response as messages: the added headers, and the end of its duration."""

import asyncio
import time
from typing import Any

from starlette.types import Message

from .request_record import SERVER_ERROR, RequestRecord
from .response_end import is_last
from .response_start import with_fields
from .whole_response import RawHeaders, send_messages

ANSWERED = "firstlight.answered"  # in the scope of a request that was answered while its handler still runs
_NO_BODY: Message = {"type": "http.response.body", "body": b"", "more_body": False}


class ObservedRequest(RequestRecord):
    """Passes the messages of a request on. It is the `send` of the application."""

    __slots__ = ()

    async def receive(self) -> Message:
        """Pass a message to the application, and note a client that disconnects before the end."""
        message = await self._receive()
        if message["type"] == "http.disconnect" and not self.complete:
            self._disconnect()
        return message

    async def __call__(self, message: Message) -> None:
        """Pass a message to the server. The start gets our headers, in a copy; the end stops the clock."""
        kind, was_complete = message["type"], self.complete
        if not self.complete and getattr(self.cycle, "disconnected", False):  # the server drops the message silently
            self._disconnect()
        if kind == "http.response.start":
            self.status = self.status if self.disconnected else message["status"]
            self._trailers = message.get("trailers", False)
            added, closing = self._observers.headers.of(self.scope), self._observers.lifecycle.draining
            message = with_fields(message, self.scope, self._header, added, closing=closing)
        elif kind == "http.response.body":
            if self.scope["method"] != "HEAD":
                self.bytes_sent += 0 if self.disconnected else len(message.get("body", b""))
            elif self.complete:
                await asyncio.sleep(0)  # the response receives a disconnect, which must reach it
                return
            else:  # no body follows, so the response ends here: a stream might never end
                message, self._trailers = _NO_BODY, False
            self.first_byte = self.first_byte or time.perf_counter_ns()
            self.complete = self.complete or not (message.get("more_body", False) or self._trailers)
        else:
            self.complete = self.complete or is_last(message, trailers=self._trailers)
        try:
            await self._send(message)
        except BaseException as error:
            self._not_sent(error, was_complete=was_complete)
            raise
        if self.complete:
            self._sent()

    async def send_whole(self, status: int, headers: RawHeaders, body: Any) -> None:
        """Pass a whole response to the server: in one step if it is ours and can take it now."""
        cycle: Any = self.cycle
        write: Any = getattr(cycle, "write_whole", None)
        is_direct = write is not None and getattr(self._send, "__self__", None) is cycle
        if not is_direct or not cycle.is_free or self.scope["method"] == "HEAD":
            await send_messages(self, status, headers, body)
            return
        self.status, self.bytes_sent, self.complete = status, len(body), True
        added, closing = self._observers.headers.of(self.scope), self._observers.lifecycle.draining
        start = with_fields({"headers": headers}, self.scope, self._header, added, closing=closing)
        try:
            write(status, start["headers"], body)
        except BaseException as error:
            self._not_sent(error, was_complete=False)
            raise
        self._sent()

    def _sent(self) -> None:
        """Stop the clock after the last message, and record the request, unless it has ended before."""
        if self.ended:
            return
        self.ended = time.perf_counter_ns()
        self.first_byte = self.first_byte or self.ended  # of a whole response it left with the last one
        # Else wait for the exception: Starlette answers first, then raises. But a handler may never return.
        if self.status < SERVER_ERROR or ANSWERED in self.scope:
            self._describe()

    def _not_sent(self, error: BaseException, *, was_complete: bool) -> None:
        """The client has disconnected (ASGI 2.4), or the server has refused the message, perhaps with those before."""
        if isinstance(error, OSError):
            self._send_error = error
            self._disconnect()
            return
        self.complete = was_complete
        if not getattr(self.cycle, "response_started", True):
            self.bytes_sent = self.first_byte = 0
