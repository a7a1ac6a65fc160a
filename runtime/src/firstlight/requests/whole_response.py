"""Responses whose body is known are sent in one step, where each object between them and the client can do so.

ASGI has two messages for a response, and each passes through as many functions. An object that takes both at once has
the method `send_whole`. Functions that middleware of a team puts around `send` have none, and get the two messages.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from starlette.responses import Response
from starlette.types import Send

RawHeaders = list[tuple[bytes, bytes]]
SendWhole = Callable[[int, RawHeaders, Any], Awaitable[None]]
"""Sends a response: its status, its headers and its body."""
METHOD = "send_whole"
OF_A_KNOWN_BODY = Response.__call__
"""How Starlette's simplest class sends a response. Streams and files have ways of their own."""


async def send_messages(send: Send, status: int, headers: RawHeaders, body: Any) -> None:
    """Send a response in the two messages of ASGI."""
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
