"""Responses whose body is known are sent in one step, where each object between them and the client can do so.

ASGI has two messages for a response, and each passes through as many functions. An object that takes both at once has
the method `send_whole`. Functions that middleware of a team puts around `send` have none, and get the two messages.
"""

from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from starlette.responses import Response
from starlette.types import Message, Scope, Send

RawHeaders = list[tuple[bytes, bytes]]
SendWhole = Callable[[Any, int, RawHeaders, Any], Awaitable[None]]
"""The method: sends status, headers and body. It is looked up in the class of `send`, because an object that delegates
its attributes would hand out that of the object behind it."""
METHOD = "send_whole"


class SendsWhole(Protocol):
    """The `send` of an application that may be given a whole response: what is sent reaches the data plane as it is."""

    scope: Scope
    """Where the data plane notes that the response has begun."""

    def __call__(self, message: Message) -> Awaitable[None]:
        """Send a message."""

    def send_whole(self, status: int, headers: RawHeaders, body: Any) -> Awaitable[None]:
        """Send a response."""


OF_A_KNOWN_BODY = Response.__call__
"""How Starlette's simplest class sends a response. Streams and files have ways of their own."""


async def send_messages(send: Send, status: int, headers: RawHeaders, body: Any) -> None:
    """Send a response in the two messages of ASGI."""
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
