"""Looks into Redis in progress: readers that need the same entry at the same time wait for the same look.

It costs less than a load of `flights.py`, because the first reader looks in its own task.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

ResultT = TypeVar("ResultT")


class _GoneError(Exception):
    """The one that looked was cancelled."""


class Look:
    """One look."""

    __slots__ = ("may_keep", "waiting")

    def __init__(self) -> None:
        """Nobody waits for it."""
        self.may_keep = True
        """Whether memory may keep what it finds: nothing has changed since it began."""
        self.waiting: asyncio.Future[Any] | None = None

    def end(self, result: Any, error: Exception | None = None) -> None:
        """Tell those who wait."""
        if self.waiting is None or self.waiting.done():
            return
        if error is None:
            self.waiting.set_result(result)
        else:
            self.waiting.set_exception(error)
            self.waiting.exception()  # those who wait may all be gone


class Looks:
    """The looks of this process, by the name of the entry."""

    def __init__(self) -> None:
        """None is in progress."""
        self._looks: dict[str, Look] = {}

    async def look(self, name: str, work: Callable[[Look], Awaitable[ResultT]]) -> ResultT:
        """The result of `work`, or of the look in progress. Raises what it raises."""
        while (found := self._looks.get(name)) is not None:
            if found.waiting is None:
                found.waiting = asyncio.get_running_loop().create_future()
            try:
                result: ResultT = await asyncio.shield(found.waiting)
            except _GoneError:
                continue
            return result
        return await self._first(name, work)

    def detach(self, name: str) -> None:
        """The entry has changed: memory does not keep what a look finds, and who comes now looks again."""
        found = self._looks.pop(name, None)
        if found is not None:
            found.may_keep = False

    def detach_all(self, prefix: str = "") -> None:
        """Detach every look whose name begins so."""
        for name in [name for name in self._looks if name.startswith(prefix)]:
            self.detach(name)

    async def _first(self, name: str, work: Callable[[Look], Awaitable[ResultT]]) -> ResultT:
        look = self._looks[name] = Look()
        error: Exception | None = _GoneError()
        result: ResultT | None = None
        try:
            result = await work(look)
            error = None
        except Exception as raised:
            error = raised
            raise
        finally:
            if self._looks.get(name) is look:
                del self._looks[name]
            look.end(result, error)
        return result
