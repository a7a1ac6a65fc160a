"""The request that has a key: its body, which is read first, and its fingerprint."""

from hashlib import sha256

from starlette.requests import ClientDisconnect
from starlette.types import Message, Receive, Scope

from .. import caller

# Two requests with one key are the same only if these fields are. Credentials count where no authentication has named
# the caller: behind one address there may be several people, and none may get the response of another.
_DESCRIBES = frozenset({b"content-type", b"content-encoding"})
_DESCRIBES_OF_A_STRANGER = frozenset({*_DESCRIBES, b"authorization", b"cookie"})


async def read(receive: Receive) -> bytes:
    """The whole body. Raises Starlette's `ClientDisconnect`, and what `receive` raises for a body that is too large."""
    message = await receive()
    body: bytes = message.get("body", b"")
    if message["type"] == "http.request" and not message.get("more_body", False):
        return body
    parts = [body]
    while message["type"] == "http.request" and message.get("more_body", False):
        message = await receive()
        parts.append(message.get("body", b""))
    if message["type"] == "http.disconnect":
        raise ClientDisconnect
    return b"".join(parts)


def fingerprint(scope: Scope, body: bytes) -> bytes:
    """A hash of method, target, the fields that describe the request, and the bytes of the body."""
    describes = _DESCRIBES if caller.is_authenticated(scope) else _DESCRIBES_OF_A_STRANGER
    fields = [b"\0".join(field) for field in scope["headers"] if field[0] in describes]
    if len(fields) > 1:
        fields.sort()  # a proxy may change their order
    target = scope.get("raw_path") or scope["path"].encode()
    # Neither a target nor a field has a zero byte, and no name is empty: each sequence of parts gives other bytes.
    parts = (scope["method"].encode(), target, scope["query_string"], *fields, b"", body)
    return sha256(b"\0".join(parts)).digest()


class ReadBody:
    """Gives the application a body that has been read, then the messages that follow."""

    __slots__ = ("_body", "_receive")

    def __init__(self, body: bytes, receive: Receive) -> None:
        """The body is not given yet."""
        self._body: bytes | None = body
        self._receive = receive

    async def receive(self) -> Message:
        """The next message."""
        if self._body is None:
            return await self._receive()
        message = {"type": "http.request", "body": self._body, "more_body": False}
        self._body = None
        return message
