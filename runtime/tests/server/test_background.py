"""Background work: a failure is logged once, counted, checked, and followed by another run."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from firstlight import Background, NoSettings, Settings, Surroundings
from firstlight.failures import KnownError
from firstlight.lifecycle import Lifecycle
from firstlight.metrics.instruments import REGISTRY
from firstlight.server.background import FIRST_DELAY_SECONDS, LONGEST_DELAY_SECONDS, RECOVERED_SECONDS, Supervisor
from firstlight.testing.lines import Lines

from ..conftest import TIMEOUT_SECONDS
from ..faults import IDENTITY

pytestmark = pytest.mark.usefixtures("app")  # it configures the log

Step = Callable[[], Awaitable[None]]


class Runs:
    """Runs a task under supervision, in a time of its own, and stops it after the last planned step."""

    def __init__(self, name: str, *steps: Step, every_seconds: float | None = None) -> None:
        """Plan one step for each run."""
        self.now = 1000.0
        self.pauses: list[float] = []
        self.checks: list[str] = []
        self.ended = False
        self._steps = list(steps)
        self._runner: asyncio.Task[None] | None = None
        surroundings = Surroundings(NoSettings(), Settings(), {}, Lifecycle(), IDENTITY)
        self.supervisor = Supervisor(
            Background(name, self._run, every_seconds),
            surroundings,
            clock=lambda: self.now,
            sleep=self._sleep,
        )

    def all(self) -> "Runs":
        """Run until nothing is planned any more."""

        async def main() -> None:
            self._runner = asyncio.create_task(self.supervisor.run())
            await asyncio.wait([self._runner], timeout=TIMEOUT_SECONDS)
            self.ended = self._runner.done() and not self._runner.cancelled()

        asyncio.run(main())
        return self

    def stop(self) -> None:
        """Cancel the supervisor, as the end of the process does."""
        assert self._runner is not None
        self._runner.cancel()

    async def check(self) -> str:
        """The result of the check at this moment."""
        try:
            await self.supervisor.check.probe()
        except KnownError as error:  # which no check reports again
            return str(error)
        return ""

    async def _run(self, _: Surroundings[Any]) -> None:
        self.checks.append(await self.check())
        await self._steps.pop(0)()

    async def _sleep(self, seconds: float) -> None:
        self.checks.append(await self.check())
        if seconds:
            self.pauses.append(seconds)
            self.now += seconds
            self.checks.append(await self.check())
        if not self._steps:
            self.stop()
        await asyncio.sleep(0)


async def _succeed() -> None:
    """Do the work."""


async def _fail() -> None:
    msg = "away, password=hunter2"
    raise ConnectionError(msg)


async def _cancel_itself() -> None:
    """What a task sees when something that it waits for is cancelled by others."""
    raise asyncio.CancelledError


def _counted(task: str, outcome: str) -> float | None:
    return REGISTRY.get_sample_value("background_runs_total", {"task": task, "outcome": outcome})


def test_a_task_that_ends_is_not_run_again() -> None:
    """It was to run once."""
    runs = Runs("once", _succeed).all()

    assert runs.ended
    assert runs.pauses == []
    assert (_counted("once", "ok"), _counted("once", "failed")) == (1, 0)


def test_a_task_is_repeated_after_its_seconds() -> None:
    """They count from the end of a run."""
    runs: Runs

    async def take_long() -> None:
        runs.now += 100

    runs = Runs("repeated", _succeed, take_long, _succeed, every_seconds=30)
    runs.all()

    assert runs.pauses == [30, 30, 30]
    assert not runs.ended
    assert (_counted("repeated", "ok"), _counted("repeated", "failed")) == (3, 0)


def test_a_failure_is_logged_counted_and_reported_once(lines: Lines) -> None:
    """With its traceback and without secrets; the next run follows."""
    runs = Runs("failing", _fail, _succeed).all()

    (line,) = lines.named("background.failed")
    assert (line["task"], line["level"], line["next_run_in_seconds"]) == ("failing", "error", FIRST_DELAY_SECONDS)
    assert "Traceback" in line["exception"]
    assert "ConnectionError: away, password=REDACTED" in line["exception"]
    assert (_counted("failing", "ok"), _counted("failing", "failed")) == (1, 1)
    assert runs.ended


def _gauge(name: str, task: str) -> float | None:
    return REGISTRY.get_sample_value(name, {"task": task})


def test_the_last_success_is_that_of_the_last_run_that_succeeded() -> None:
    """The start until then, so that a task that never succeeded is late as well; a failure changes nothing."""
    seen: list[float] = []

    async def look() -> None:
        seen.append(_gauge("background_last_success_timestamp_seconds", "dated") or 0.0)

    async def look_and_fail() -> None:
        await look()
        await _fail()

    began = time.time()
    Runs("dated", look_and_fail, look, look_and_fail, look, every_seconds=5).all()
    ended = time.time()

    start, after_failure, after_success, after_another_failure = seen
    assert began <= start == after_failure < after_success == after_another_failure <= ended
    assert _gauge("background_last_success_timestamp_seconds", "dated") != after_success


def test_only_a_task_that_repeats_has_an_interval() -> None:
    """In seconds."""
    Runs("periodic", _succeed, every_seconds=30).all()
    Runs("single", _succeed).all()

    assert _gauge("background_interval_seconds", "periodic") == 30
    assert _gauge("background_interval_seconds", "single") is None
    assert _gauge("background_last_success_timestamp_seconds", "single") is not None


@pytest.mark.parametrize("error", [SystemExit(1), asyncio.CancelledError(), BaseExceptionGroup("many", [SystemExit()])])
def test_no_exception_ends_the_work(lines: Lines, error: BaseException) -> None:
    """Nor the loop that it runs on: it is reported, and run again."""

    async def leave() -> None:
        raise error

    runs = Runs(f"leaving_{type(error).__name__}", leave, _succeed).all()

    assert runs.ended
    assert runs.pauses == [FIRST_DELAY_SECONDS]
    assert len(lines.named("background.failed")) == 1


def test_an_error_that_cannot_be_shown_is_a_failure_like_any_other() -> None:
    """Its class is told."""

    class MuteError(Exception):
        def __str__(self) -> str:
            raise ZeroDivisionError

    async def fail() -> None:
        raise MuteError

    runs = Runs("mute", fail, _succeed).all()

    assert runs.ended
    assert "MuteError" in runs.checks


def test_the_pause_grows_with_each_failure_in_a_row() -> None:
    """To a limit; a success begins anew."""
    runs = Runs("growing", *[_fail] * 9, _succeed, _fail, _succeed, every_seconds=5).all()

    assert runs.pauses == [1, 2, 4, 8, 16, 32, LONGEST_DELAY_SECONDS, LONGEST_DELAY_SECONDS, 60, 5, 1, 5]


def test_a_long_run_before_a_failure_begins_anew() -> None:
    """A task that runs for ever and fails once a day is not punished for yesterday."""
    runs: Runs

    async def fail_late() -> None:
        runs.now += RECOVERED_SECONDS
        await _fail()

    runs = Runs("lasting", _fail, _fail, fail_late, _fail)
    runs.all()

    assert runs.pauses == [1, 2, 1, 2]


def test_the_check_fails_until_a_run_succeeds() -> None:
    """In the pauses, however long they are, and while the next run has yet to show that it works."""
    runs = Runs("checked", *[_fail] * 8, _succeed, every_seconds=5).all()

    failure = "ConnectionError: away, password=hunter2"  # redacted where it is shown
    assert runs.supervisor.check.name == "background.checked"
    assert not runs.supervisor.check.critical
    assert runs.checks == ["", "", *[failure] * 8 * 3, "", ""]


def test_the_check_passes_when_a_run_lasts() -> None:
    """A task that runs until it is cancelled never succeeds: after a time it counts as recovered."""
    seen: list[str] = []
    runs: Runs

    async def last() -> None:
        for seconds in (RECOVERED_SECONDS - 1, 1):
            runs.now += seconds
            seen.append(await runs.check())

    runs = Runs("recovering", _fail, last)
    runs.all()

    assert seen == ["ConnectionError: away, password=hunter2", ""]


def test_a_cancellation_by_others_is_a_failure(lines: Lines) -> None:
    """Something that the task waits for was cancelled, and not the task."""
    runs = Runs("cancelled", _cancel_itself, _succeed).all()

    assert runs.ended
    assert [line["task"] for line in lines.named("background.failed")] == ["cancelled"]
    assert (_counted("cancelled", "ok"), _counted("cancelled", "failed")) == (1, 1)


@pytest.mark.parametrize("outcome", ["cancelled", "returned", "failed"])
def test_its_own_cancellation_is_the_end(lines: Lines, outcome: str) -> None:
    """Whatever the task makes of it, it is not run again."""
    runs: Runs

    async def wait() -> None:
        runs.stop()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            if outcome == "cancelled":
                raise
            if outcome == "failed":
                await _fail()

    runs = Runs(f"stopped_{outcome}", wait, _succeed, every_seconds=5)
    runs.all()

    assert runs.pauses == []
    assert _counted(f"stopped_{outcome}", "ok") == (1 if outcome == "returned" else 0)
    assert len(lines.named("background.failed")) == (1 if outcome == "failed" else 0)
