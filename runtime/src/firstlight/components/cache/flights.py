"""Loads in progress: readers that need the same entry at the same time wait for the same load."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

ResultT = TypeVar("ResultT")


class Flight:
    """One load. It ends even if everyone who waited for it is gone."""

    def __init__(self, work: Callable[["Flight"], Awaitable[Any]]) -> None:
        """Begin it. `work` gets the flight."""
        self.may_keep = True
        """Whether what it finds may be kept: nothing has changed since it began."""
        self.task: asyncio.Task[Any] = asyncio.ensure_future(_run(work, self))

    async def result(self) -> Any:
        """What it finds. Raises what it raises. A caller that is cancelled does not end it."""
        return await asyncio.shield(self.task)


async def _run(work: Callable[[Flight], Awaitable[Any]], flight: Flight) -> Any:
    return await work(flight)


class Flights:
    """The loads of this process, by the name of the entry."""

    def __init__(self) -> None:
        """None is in progress."""
        self._flights: dict[str, Flight] = {}
        self._tasks: set[asyncio.Task[Any]] = set()

    def get(self, name: str) -> Flight | None:
        """The load in progress, or None."""
        return self._flights.get(name)

    def begin(self, name: str, work: Callable[[Flight], Awaitable[Any]]) -> Flight:
        """Begin a load. There is none in progress."""
        flight = self._flights[name] = Flight(work)
        self._tasks.add(flight.task)

        def ended(task: asyncio.Task[Any]) -> None:
            self._tasks.discard(task)
            if self._flights.get(name) is flight:
                del self._flights[name]
            if not task.cancelled():
                task.exception()  # nobody may be left to hear of it; it has been counted

        flight.task.add_done_callback(ended)
        return flight

    def detach(self, name: str) -> None:
        """The entry has changed: what a load in progress finds is not kept, and who comes now does not wait for it."""
        flight = self._flights.pop(name, None)
        if flight is not None:
            flight.may_keep = False

    def detach_all(self, prefix: str = "") -> None:
        """Detach every load whose name begins so."""
        for name in [name for name in self._flights if name.startswith(prefix)]:
            self.detach(name)

    async def close(self) -> None:
        """Cancel every load."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
