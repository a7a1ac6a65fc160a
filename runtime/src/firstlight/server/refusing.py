"""The ends of a connection: refused, closed for another one, or closed after its last response."""

from typing import Any

from ..requests.refusals import Refusals
from .answers import ANSWERS
from .connections import Connections
from .flow import HeldFlow
from .kernel import unread_bytes
from .messages import LimitedMessages

MAX_DISCARDED_BYTES = 16_777_216  # from a client that still sends after its response


class RefusingConnection(LimitedMessages):
    """A connection whose deadlines are kept by `limited_by`, and whose refusals are counted by `refusals`."""

    flow: HeldFlow

    def __init__(self, *, limited_by: Connections, refusals: Refusals, **uvicorn: Any) -> None:
        """Hand `uvicorn` on to uvicorn's protocol."""
        super().__init__(max_head_bytes=limited_by.limits.max_head_bytes, **uvicorn)
        self._limited_by = limited_by
        self._refusals = refusals
        self._unread = 0  # bytes that the client had not read at the last call of `has_progressed`

    def pass_over_upgrade(self) -> None:
        """Count the ignored upgrade."""
        self._refusals.count("upgrade_refused", self._address)
        super().pass_over_upgrade()

    def refuse(self, reason: str) -> None:
        """End the connection: with a response if that is still possible, else at once."""
        self._refusals.count(reason, self._address)
        answer = self._answer_to(reason)
        if self.busy:
            self.cycle.disconnected = True
            self.cycle.waiting_for_100_continue = False  # `receive` would write
            self.cycle.notify()
        if answer:
            self.transport.write(answer)
            self._linger()
        else:
            self.transport.abort()

    def evict(self, reason: str) -> None:
        """Close the connection for another one."""
        if reason:
            self._refusals.count(reason, self._address)
        self.transport.abort()

    def leave(self) -> None:
        """Close the connection. A client that still sends gets time to read its response."""
        if self.transport.is_closing():
            return
        if self.cycle is not None:
            self.cycle.flush()
        if (self._in_body or self._rest) and not (self.busy or self._refused):
            self._linger()
            return
        for owed in (self._limited_by.heads, self._limited_by.bodies, self._limited_by.idle):
            owed.end(self)
        bare = self.transport.bare  # type: ignore[attr-defined] # ours
        bare.close()
        if bare.get_write_buffer_size():
            self._owe_reading()

    def has_progressed(self, owed: str) -> bool:
        """Whether the client has made progress since the last call."""
        match owed:
            case "body_timeout" if self.busy:  # the client waits for `100 Continue`, or has its response instead
                return self.cycle.waiting_for_100_continue or self.cycle.body_unwanted
            case "body_timeout" | "head_timeout":  # the client still reads the response before
                return self._is_read()
            case "write_timeout":
                return self._has_read()
            case "":  # it was idle, and serves a request now or is still read
                return (self.busy and not self._refused) or self._is_read()
            case _:
                return False

    def pause_writing(self) -> None:
        """The client does not read as fast as the application writes."""
        super().pause_writing()
        self._owe_reading()

    def resume_writing(self) -> None:
        """The client has read."""
        super().resume_writing()
        if not self.transport.is_closing():
            self._limited_by.reads.end(self)
            self._rest_idle()

    @property
    def _address(self) -> str:
        return self.client[0] if self.client else ""

    def _answer_to(self, reason: str) -> bytes:
        """The response to a refused client, or nothing if it has a response or has sent no request."""
        answered = self._in_body and not self.busy
        silent = reason == "head_timeout" and not self._begun
        if answered or silent or self._refused or self.transport.is_closing():
            return b""
        if self.busy and self.cycle.response_started:
            return b""
        return ANSWERS.get(reason, b"")

    def _linger(self) -> None:
        """Continue to read for a while: with unread data, the kernel would send a reset before the response is read."""
        self._refused = True
        self._limited_by.end(self)
        self.transport.write_eof()
        self.flow.open()

    def _owe_reading(self) -> None:
        self._unread = unread_bytes(self.transport)
        self._limited_by.reads.begin(self)

    def _has_read(self) -> bool:
        """Whether the client has read more of the response, or all of it."""
        unread, self._unread = self._unread, unread_bytes(self.transport)
        if not self._unread:
            self._rest_idle()
        return self._unread < unread or not self._unread

    def _is_read(self) -> bool:
        """Whether we still have a part of the response. If so, the client has the time of a slow reader."""
        if not self.transport.get_write_buffer_size():
            return False
        if self not in self._limited_by.reads:
            self._owe_reading()
        return True

    def _rest_idle(self) -> None:
        """All is read. The connection may have been passed over as an idle one until now."""
        if not (self.busy or self._in_body or self._begun or self._refused):
            self._limited_by.idle.begin_once(self)

    def _discard(self, size: int) -> None:
        self._discarded += size
        if self._discarded > MAX_DISCARDED_BYTES:
            self.transport.abort()
        elif self._refused:
            self.wait_a_turn()
