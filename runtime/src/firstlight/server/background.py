"""Background work under supervision: logged, counted, checked, and started again after a failure."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

import structlog
from prometheus_client import Counter

from ..component import Background, Surroundings
from ..management.check import Check
from ..metrics.instruments import REGISTRY

FIRST_DELAY_SECONDS = 1.0
LONGEST_DELAY_SECONDS = 60.0
RECOVERED_SECONDS = 60.0  # a task that has run for so long since its last failure is in order again

RUNS = Counter("background_runs", "Ended runs of a background task.", ("task", "outcome"), registry=REGISTRY)

log = structlog.get_logger()


class Supervisor:
    """Runs one background task until it is cancelled, or until it ends without being asked to repeat."""

    def __init__(
        self,
        task: Background,
        surroundings: Surroundings[Any],
        capture: Callable[[BaseException], object],
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        """Run `task` with `surroundings`; `capture` reports its failures."""
        self._task = task
        self._surroundings = surroundings
        self._capture = capture
        self._clock = clock
        self._sleep = sleep
        self._failure = ""
        self._began: float | None = None  # none while it waits for the next run
        self._delay = FIRST_DELAY_SECONDS
        for outcome in ("ok", "failed"):
            RUNS.labels(task.name, outcome)

    @property
    def name(self) -> str:
        """The name of the task."""
        return self._task.name

    @property
    def check(self) -> Check:
        """Fails while the last run failed. Not critical: requests do not depend on it."""
        return Check(f"background.{self._task.name}", self._probe)

    async def run(self) -> None:
        """Run the task again and again."""
        pause: float | None = 0.0
        while pause is not None:
            await self._sleep(pause)
            self._began = self._clock()
            try:
                await self._task.run(self._surroundings)
            except asyncio.CancelledError as error:
                if _cancelled():
                    raise
                pause = self._failed(error)
            except Exception as error:  # noqa: BLE001 - whatever it raises, the supervisor goes on
                pause = self._failed(error)
            else:
                pause = self._succeeded()
            self._began = None
            if _cancelled():
                return  # it made something else of its cancellation: an end, or a failure to clean up

    async def _probe(self) -> None:
        if self._failure and not self._has_recovered():
            raise RuntimeError(self._failure)

    def _has_recovered(self) -> bool:
        return self._began is not None and self._clock() - self._began >= RECOVERED_SECONDS

    def _succeeded(self) -> float | None:
        RUNS.labels(self._task.name, "ok").inc()
        self._failure = ""
        self._delay = FIRST_DELAY_SECONDS
        return self._task.every_seconds

    def _failed(self, error: BaseException) -> float:
        RUNS.labels(self._task.name, "failed").inc()
        if self._has_recovered():
            self._delay = FIRST_DELAY_SECONDS
        self._failure = f"{type(error).__name__}: {error}".rstrip(": ")
        pause, self._delay = self._delay, min(2 * self._delay, LONGEST_DELAY_SECONDS)
        log.error("background.failed", task=self._task.name, next_run_in_seconds=pause, exc_info=error)
        self._capture(error)
        return pause


def _cancelled() -> bool:
    """Whether the supervisor itself is to stop, and not only something that the task was waiting for."""
    task = asyncio.current_task()
    return task is None or task.cancelling() > 0
