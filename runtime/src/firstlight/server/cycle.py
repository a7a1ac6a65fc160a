"""One request on the wire: the task that serves it, and what it receives. `writing.py` adds the response."""

import asyncio
import logging
from contextvars import Context
from typing import Any, Protocol

from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle
from uvicorn.server import ServerState

from .held_heads import HeldHeads
from .known_fields import KnownFields


class Connection(Protocol):
    """The protocol of a connection, as far as its requests use it."""

    loop: asyncio.AbstractEventLoop
    transport: asyncio.Transport
    logger: logging.Logger
    server_state: ServerState
    tasks: set[asyncio.Task[None]]
    held_heads: HeldHeads
    known_fields: KnownFields

    @property
    def flow(self) -> FlowControl:
        """Whether the client reads, and whether we do."""

    def on_response_complete(self) -> None:
        """Called after the last byte of a response."""


class Cycle(RequestResponseCycle):
    """Created when the head of a request is complete."""

    scope: Any  # uvicorn's type has no fields of ours
    body_unwanted = False
    """Answered without `100 Continue`: the client will send no body."""

    def __init__(self, connection: Connection, scope: Any, *, keep_alive: bool, asks_first: bool) -> None:
        """Nothing is sent yet. `asks_first`: the client waits for `100 Continue` before it sends the body.

        uvicorn's own constructor takes one by one what `connection` has.
        """
        self.scope, self.connection = scope, connection
        self.transport, self.flow, self.logger = connection.transport, connection.flow, connection.logger
        self.on_response = connection.on_response_complete
        self.keep_alive, self.waiting_for_100_continue = keep_alive, asks_first
        self.disconnected = self.response_started = self.response_complete = False
        self.body, self.more_body = bytearray(), True
        self.chunked_encoding: bool | None = None
        self.expected_content_length = 0
        self.held: list[bytes] = []
        """The head of the response while it waits for the body, in pieces."""
        self._task: asyncio.Task[None]
        self._event: asyncio.Event | None = None
        self._notified = False  # there is something to receive

    @property
    def message_event(self) -> asyncio.Event:  # type: ignore[override] # uvicorn creates it for each request
        """Wakes `receive`. Created at its first use, because most requests have no body that anybody waits for.

        Without that, a request took 4 thousand instructions more.
        """
        if self._event is None:
            self._event = asyncio.Event()
            if self._notified:
                self._event.set()
        return self._event

    def notify(self) -> None:
        """Wake `receive`, now or when it is called."""
        self._notified = True
        if self._event is not None:
            self._event.set()

    def start(self, app: Any) -> None:
        """Call the application in a task and a context of its own, until it returns."""
        connection = self.connection
        # As uvicorn does, past the loop's factory of tasks: a request reports its failure by itself.
        # It has a name because asyncio would format a number for one.
        self._task = asyncio.Task(self._serve(app), loop=connection.loop, context=Context(), name="request")
        connection.tasks.add(self._task)

    async def _serve(self, app: Any) -> None:
        try:
            await app(self.scope, self.receive, self.send)
        except BaseException:  # noqa: BLE001 - reported by the data plane, and raised no further, as in uvicorn
            await self._end()
        else:
            if not (self.response_complete or self.disconnected):
                await self._end()
        finally:  # not by a callback of the task, which costs an entry in the loop
            self.on_response = _nothing  # it refers to the connection
            self.connection.tasks.discard(self._task)

    async def _end(self) -> None:
        """Answer with 500, or show the client by the end of the connection that its response is not complete."""
        if self.response_started:
            self.transport.close()
        else:
            await self.send_500_response()


def _nothing() -> None:
    pass
