"""One request on the wire: the task that serves it, and what it receives."""

import asyncio
from contextvars import Context
from typing import Any

from starlette.types import Scope

from .writing import Connection, Writing


class Cycle(Writing):
    """Created when the head of a request is complete."""

    def __init__(self, connection: Connection, scope: Scope, *, keep_alive: bool, asks_first: bool) -> None:
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
        self.held = []
        self._task: asyncio.Task[None]
        self._event: asyncio.Event | None = None
        self._news = False  # something has happened that `receive` tells, and there is no event yet

    @property
    def message_event(self) -> asyncio.Event:  # type: ignore[override] # an attribute of uvicorn's
        """Wakes `receive`. Created when it is used: most requests have no body that anybody waits for."""
        if self._event is None:
            self._event = asyncio.Event()
            if self._news:
                self._event.set()
        return self._event

    def notify(self) -> None:
        """Wake `receive`."""
        self._news = True
        if self._event is not None:
            self._event.set()

    def start(self, app: Any) -> None:
        """Call the application in a task and a context of its own, until it returns."""
        connection = self.connection
        # As uvicorn does, past the loop's factory of tasks: a request reports its failure by itself.
        self._task = asyncio.Task(self._serve(app), loop=connection.loop, context=Context())
        connection.tasks.add(self._task)

    async def _serve(self, app: Any) -> None:
        try:
            await self.run_asgi(app)
        finally:  # not by a callback of the task, which costs an entry in the loop
            self.connection.tasks.discard(self._task)
