"""A limit on the calls of one dependency at a time, so that a slow one cannot hold all requests of the service."""

import asyncio
from collections import deque
from contextlib import suppress
from dataclasses import dataclass

import httpx2

from ...errors import ArrangementError


class BulkheadFullError(httpx2.PoolTimeout):
    """As many calls as allowed run and wait already, or none of them ended in time. Nothing was sent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Concurrency:
    """How many calls of a dependency run and wait at a time. Raises `ArrangementError` for impossible numbers."""

    calls: int
    """How many run."""
    waiting: int = 100
    """How many wait for one of them to end. A further call fails at once."""
    wait_seconds: float = 1.0
    """How long each waits."""

    def __post_init__(self) -> None:
        """Check the numbers."""
        if self.calls < 1 or self.waiting < 0 or not 0 <= self.wait_seconds < float("inf"):
            msg = "Concurrency must have at least 1 in calls, and at least 0 in waiting and wait_seconds"
            raise ArrangementError(msg)


class Bulkhead:
    """The calls of one dependency that run and wait. They get their turn in the order of their arrival."""

    def __init__(self, policy: Concurrency) -> None:
        """No call yet."""
        self._policy = policy
        self._waiting: deque[asyncio.Future[None]] = deque()
        self.running = 0

    @property
    def waiting(self) -> int:
        """How many calls wait."""
        return len(self._waiting)

    def enters(self) -> bool:
        """Whether the call may run now. Then it must `leave`."""
        if self.running >= self._policy.calls:
            return False
        self.running += 1
        return True

    async def wait(self, seconds: float) -> None:
        """Wait for a turn, at most `seconds`. Raises `BulkheadFullError` without one."""
        if len(self._waiting) >= self._policy.waiting:
            msg = f"{self.running} calls run and {len(self._waiting)} wait already"
            raise BulkheadFullError(msg)
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            async with asyncio.timeout(min(seconds, self._policy.wait_seconds)):
                await turn
        except BaseException as error:
            if turn.done() and not turn.cancelled():  # it came at the same moment
                self.leave()
            else:
                with suppress(ValueError):  # `leave` has passed it over
                    self._waiting.remove(turn)
            if not isinstance(error, TimeoutError):
                raise
            msg = f"none of {self.running} calls has ended in time"
            raise BulkheadFullError(msg) from None

    def leave(self) -> None:
        """Give the turn to the next that waits."""
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self.running -= 1
