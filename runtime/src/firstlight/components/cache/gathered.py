"""Questions that come at once are asked together: while one batch is on its way, others gather for the next.

A process then has one connection in use however many requests come, and each of them pays for a part of a batch.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextvars import Context
from dataclasses import dataclass
from typing import Generic, NamedTuple, TypeVar

AskedT = TypeVar("AskedT")
AnswerT = TypeVar("AnswerT")


class CrowdedError(Exception):
    """So much waits for the server that nothing more is accepted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchLimits:
    """Of one batch, and of all that waits. Bytes are those that the callers say."""

    batch: int = 100
    batch_bytes: int = 262_144
    waiting: int = 10_000
    waiting_bytes: int = 8_388_608
    seconds: float = 0.5
    """How long a caller waits for its answer."""


class Waiting(NamedTuple, Generic[AskedT, AnswerT]):
    """One question."""

    asked: AskedT
    size: int
    answer: "asyncio.Future[AnswerT]"


class Gathered(Generic[AskedT, AnswerT]):
    """Asks in batches, one after the other, in the order of the questions."""

    def __init__(self, answer: Callable[[Sequence[AskedT]], Awaitable[Sequence[AnswerT]]], limits: BatchLimits) -> None:
        """`answer` returns one answer for each question. An error of it is raised for all questions of the batch."""
        self._answer = answer
        self._limits = limits
        self._waiting: list[Waiting[AskedT, AnswerT]] = []
        self._bytes = 0
        self._unanswered: deque[tuple[float, asyncio.Future[AnswerT]]] = deque()  # with the end of its time
        self._timer: asyncio.TimerHandle | None = None
        self._worker: asyncio.Task[None] | None = None

    def ask(self, asked: AskedT, size: int = 0) -> "asyncio.Future[AnswerT]":
        """The answer to come. Its errors are `CrowdedError`, `TimeoutError`, and what `answer` raises."""
        limits, loop = self._limits, asyncio.get_running_loop()
        answer: asyncio.Future[AnswerT] = loop.create_future()
        if len(self._waiting) >= limits.waiting or self._bytes + size > limits.waiting_bytes:
            answer.set_exception(CrowdedError())
            return answer
        self._waiting.append(Waiting(asked, size, answer))
        self._bytes += size
        ends = loop.time() + limits.seconds
        self._unanswered.append((ends, answer))
        if self._timer is None:  # one for all: the first that came is the first whose time is over
            self._timer = loop.call_at(ends, self._expire, context=Context())
        if self._worker is None:
            # In an empty context: a batch belongs to no single request.
            self._worker = loop.create_task(self._work(), context=Context())
        return answer

    def _expire(self) -> None:
        """End the wait of those whose time is over."""
        loop, self._timer = asyncio.get_running_loop(), None
        now = loop.time()
        while self._unanswered:
            ends, answer = self._unanswered[0]
            if not answer.done():
                if ends > now:
                    self._timer = loop.call_at(ends, self._expire, context=Context())
                    return
                answer.set_exception(TimeoutError())
            self._unanswered.popleft()

    async def _work(self) -> None:
        try:
            while self._waiting:
                batch = [waiting for waiting in self._next() if not waiting.answer.done()]
                if batch:
                    await self._answer_all(batch)
                while self._unanswered and self._unanswered[0][1].done():
                    self._unanswered.popleft()
        finally:
            self._worker = None

    def _next(self) -> Sequence[Waiting[AskedT, AnswerT]]:
        """Take the first questions, at least one."""
        number = size = 0
        for waiting in self._waiting[: self._limits.batch]:
            if number and size + waiting.size > self._limits.batch_bytes:
                break
            number += 1
            size += waiting.size
        batch, self._waiting = self._waiting[:number], self._waiting[number:]
        self._bytes -= size
        return batch

    async def _answer_all(self, batch: Sequence[Waiting[AskedT, AnswerT]]) -> None:
        try:
            async with asyncio.timeout(self._limits.seconds):
                answers = await self._answer([waiting.asked for waiting in batch])
        except Exception as error:  # noqa: BLE001 - each caller raises it
            for waiting in batch:
                if not waiting.answer.done():
                    waiting.answer.set_exception(error)
            return
        for waiting, answer in zip(batch, answers, strict=True):
            if not waiting.answer.done():
                waiting.answer.set_result(answer)
