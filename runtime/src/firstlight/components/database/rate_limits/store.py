"""Rate limits in the database: one transaction for all requests of this process that wait.

While one transaction runs, other requests gather for the next. So a process has one connection in use however many
requests come, and each of them pays for a part of a transaction.
"""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from contextvars import Context
from typing import NamedTuple

from ....rate_limits import Claim, Limit, Standing
from ..database import Database
from ..failures import DatabaseUnavailableError
from .policies import Policy
from .step import take

TAKE_SECONDS = 0.5  # for a request that waits for its standings
REST_SECONDS = 1.0  # without a question after a failure: not every request waits for a server that is down
MAX_BATCH = 100


class Waiting(NamedTuple):
    """A request that waits."""

    claims: Sequence[Claim]
    answer: asyncio.Future[list[Standing]]


class DatabaseStore:
    """A store that all instances share. `take` raises within half a second when the database does not answer."""

    def __init__(
        self, database: Database, limits: Sequence[Limit], *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """`clock` returns seconds."""
        self._database = database
        self._policies: Mapping[str, Policy] = {limit.name: Policy(limit) for limit in limits}
        self._clock = clock
        self._rests_until = 0.0
        self._waiting: list[Waiting] = []
        self._worker: asyncio.Task[None] | None = None

    async def take(self, claims: Sequence[Claim]) -> list[Standing]:
        """Take the cost of each claim, or nothing if one limit refuses.

        Raises `DatabaseUnavailableError` after a failure a moment ago, `TimeoutError`, and the errors of the driver.
        """
        if self._clock() < self._rests_until:
            msg = "The database has just failed, and is not asked."
            raise DatabaseUnavailableError(msg)
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[list[Standing]] = loop.create_future()
        self._waiting.append(Waiting(claims, answer))
        if self._worker is None:
            # In an empty context: the statements belong to no single request.
            self._worker = loop.create_task(self._work(), context=Context())
        async with asyncio.timeout(TAKE_SECONDS):
            return await answer

    async def _work(self) -> None:
        try:
            while self._waiting:
                batch, self._waiting = self._waiting[:MAX_BATCH], self._waiting[MAX_BATCH:]
                batch = [waiting for waiting in batch if not waiting.answer.done()]
                if batch:
                    await self._answer(batch)
        finally:
            self._worker = None

    async def _answer(self, batch: Sequence[Waiting]) -> None:
        try:
            async with asyncio.timeout(TAKE_SECONDS):
                answers = await take(self._database.primary, self._policies, [waiting.claims for waiting in batch])
        except Exception as error:  # noqa: BLE001 - each request that waits raises it
            self._rests_until = self._clock() + REST_SECONDS
            for waiting in batch:
                if not waiting.answer.done():
                    waiting.answer.set_exception(error)
            return
        for waiting, standings in zip(batch, answers, strict=True):
            if not waiting.answer.done():
                waiting.answer.set_result(standings)
