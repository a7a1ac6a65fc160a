"""Background work under supervision: logged, counted, checked, and started again after a failure."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

from prometheus_client import Counter, Gauge

from .. import failures
from ..component import Background, Surroundings
from ..management.check import Check
from ..metrics.instruments import REGISTRY
from ..summary import summary

FIRST_DELAY_SECONDS = 1.0
LONGEST_DELAY_SECONDS = 60.0
RECOVERED_SECONDS = 60.0  # after this time without a failure, the check of the task passes again

RUNS = Counter("background_runs", "Ended runs of a background task.", ("task", "outcome"), registry=REGISTRY)
LAST_SUCCESS = Gauge(
    "background_last_success_timestamp_seconds",
    "When a background task last succeeded; its start until then. Unix time.",
    ("task",),
    registry=REGISTRY,
)
INTERVAL = Gauge(
    "background_interval_seconds", "Time between two runs of a repeated background task.", ("task",), registry=REGISTRY
)


class Supervisor:
    """Runs one background task until it is cancelled, or until it returns and is not to be repeated."""

    def __init__(
        self,
        task: Background,
        surroundings: Surroundings[Any],
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        """Supervise `task`, which gets `surroundings`. `clock` returns seconds."""
        self._task = task
        self._surroundings = surroundings
        self._clock = clock
        self._sleep = sleep
        self._failure = ""
        self._began: float | None = None  # None between two runs
        self._delay = FIRST_DELAY_SECONDS
        for outcome in ("ok", "failed"):
            RUNS.labels(task.name, outcome)
        LAST_SUCCESS.labels(task.name).set_to_current_time()
        if task.every_seconds is not None:
            INTERVAL.labels(task.name).set(task.every_seconds)

    @property
    def name(self) -> str:
        """The name of the task."""
        return self._task.name

    @property
    def check(self) -> Check:
        """Fails while the last run failed. Not critical: requests do not depend on it."""
        return Check(f"background.{self._task.name}", self._probe)

    async def run(self) -> None:
        """Run the task repeatedly."""
        pause: float | None = 0.0
        while pause is not None:
            await self._sleep(pause)
            self._began = self._clock()
            try:
                await self._task.run(self._surroundings)
            except BaseException as error:
                if not failures.is_survived(error):
                    raise
                pause = self._failed(error)
            else:
                pause = self._succeeded()
            self._began = None
            if failures.was_told_to_stop():
                return  # the task returned, or raised another error, when it was cancelled

    async def _probe(self) -> None:
        if self._failure and not self._has_recovered():
            raise failures.KnownError(self._failure)

    def _has_recovered(self) -> bool:
        return self._began is not None and self._clock() - self._began >= RECOVERED_SECONDS

    def _succeeded(self) -> float | None:
        RUNS.labels(self._task.name, "ok").inc()
        LAST_SUCCESS.labels(self._task.name).set_to_current_time()
        self._failure = ""
        self._delay = FIRST_DELAY_SECONDS
        return self._task.every_seconds

    def _failed(self, error: BaseException) -> float:
        RUNS.labels(self._task.name, "failed").inc()
        if self._has_recovered():
            self._delay = FIRST_DELAY_SECONDS
        self._failure = summary(error)
        pause, self._delay = self._delay, min(2 * self._delay, LONGEST_DELAY_SECONDS)
        name = self._task.name
        failures.report("background", "background.failed", error, task=name, next_run_in_seconds=pause)
        return pause
