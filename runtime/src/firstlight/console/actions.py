"""The actions of sections: what a component offers to do in development, such as to empty a cache."""

import asyncio
import threading
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from ..failures import report
from ..management.worker import Worker
from ..section import Action
from .api import BusyError
from .components import Address, Components
from .queries import Query

if TYPE_CHECKING:
    from .api import Effect

COMPONENTS = "components"


class Actions:
    """Runs actions, each in a thread of its own and once at a time. All of it is used in one event loop."""

    def __init__(self, components: Components) -> None:
        """No action runs."""
        self._components = components
        self._ended = threading.Event()
        self._workers: dict[Address, Worker] = {}
        self._running: dict[Address, asyncio.Future[str]] = {}

    def effect(self, name: str) -> "Effect | None":
        """The effect of `components/<component>/<action>`, if there is one."""
        first, *rest = name.split("/")
        if first != COMPONENTS or len(rest) != len(Address._fields):
            return None
        address = Address(*rest)
        action = self._components.action(address)
        return None if action is None else partial(self._run, address, action)

    def is_running(self, address: Address) -> bool:
        """Whether this action runs."""
        return address in self._running and not self._running[address].done()

    def stop(self) -> None:
        """Tell all actions to return."""
        self._ended.set()
        for worker in list(self._workers.values()):
            worker.stop()

    async def _run(self, address: Address, action: Action, query: Query) -> Mapping[str, Any]:
        """Run the action to its end, also if the client leaves. Raises `BusyError` while it runs already."""
        query.end()
        if self.is_running(address):
            msg = f"{action.title} runs already. It runs once at a time."
            raise BusyError(msg)
        running = asyncio.ensure_future(self._worker(address).call(partial(action.run, self._ended)))
        self._running[address] = running
        try:
            return {"done": True, "text": str(await asyncio.shield(running))}
        except Exception as error:  # noqa: BLE001 - an action may raise anything
            report("thread", "console.action_failed", error, component=address.component, action=address.action)
            return {"done": False, "text": f"It failed with {type(error).__name__}; the log of the service says why."}

    def _worker(self, address: Address) -> Worker:
        if address not in self._workers:
            self._workers[address] = Worker(f"console action {address.action}")
            self._workers[address].start()
        return self._workers[address]
