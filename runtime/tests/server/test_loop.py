"""The loop of a process reports the failures that have no caller, and goes on."""

import asyncio
import gc
import os
import signal
import sys
from collections.abc import Callable
from typing import Any

import pytest

from firstlight import Application
from firstlight.server import loop
from firstlight.testing.lines import Lines


@pytest.fixture(autouse=True)
def _log(app: Application, monkeypatch: pytest.MonkeyPatch) -> None:
    """The log is configured, and nobody has to wait long for a task to be asked for its result."""
    del app
    monkeypatch.setattr(loop, "GRACE_SECONDS", 0.02)


async def _fail(error: BaseException) -> None:
    raise error


@pytest.mark.parametrize("held", [True, False])
def test_a_task_that_nobody_awaits_is_told_once(lines: Lines, held: bool) -> None:  # noqa: FBT001 - a parameter
    """Whether somebody holds it or not, and not again when it is deleted."""

    async def main() -> None:
        kept = asyncio.create_task(_fail(ValueError("lost")), name="mailer")
        if not held:
            del kept
        await asyncio.sleep(0.1)
        kept = asyncio.current_task()  # type: ignore[assignment] # the other one is gone
        gc.collect()
        await asyncio.sleep(0)

    loop.run(main())

    (line,) = lines.events
    assert (line["event"], line["task"]) == ("task.failed", "mailer")
    assert "ValueError: lost" in line["exception"]


def test_a_task_whose_failure_somebody_sees_is_nobody_elses(lines: Lines) -> None:
    """Awaited in time, or asked for its exception."""

    async def main() -> None:
        awaited = asyncio.create_task(_fail(ValueError("seen")))
        asked = asyncio.create_task(_fail(ValueError()))
        gathered = asyncio.gather(_fail(ValueError()), return_exceptions=True)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        with pytest.raises(ValueError, match="seen"):
            await awaited
        asked.exception()
        await gathered
        await asyncio.sleep(0.1)

    loop.run(main())

    assert lines.events == []


def test_a_task_that_fails_last_is_told(lines: Lines) -> None:
    """Nobody can ask any more."""

    async def main() -> None:
        task = asyncio.create_task(_fail(ValueError("last")))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert task.done()

    loop.run(main())

    assert [line["event"] for line in lines.events] == ["task.failed"]


def _leave_in_a_callback() -> None:
    asyncio.get_running_loop().call_soon(sys.exit, 7)


def _leave_in_a_task() -> "asyncio.Task[None]":
    return asyncio.create_task(_fail(SystemExit(7)))


@pytest.mark.parametrize(
    ("leave", "event"), [(_leave_in_a_callback, "loop.callback_failed"), (_leave_in_a_task, "task.failed")]
)
def test_sys_exit_outside_the_main_task_is_a_failure(lines: Lines, leave: Callable[[], Any], event: str) -> None:
    """It would stop the loop in the middle of everything. Signals are heard as before."""

    async def main() -> str:
        told = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, told.set)
        kept = leave()
        await asyncio.sleep(0.1)
        os.kill(os.getpid(), signal.SIGTERM)
        await asyncio.wait_for(told.wait(), 5)
        del kept
        return "done"

    assert loop.run(main()) == "done"

    (line,) = lines.events
    assert line["event"] == event
    assert "SystemExit: 7" in line["exception"]


def test_sys_exit_in_the_main_task_ends_the_loop(lines: Lines) -> None:
    """As it says."""
    with pytest.raises(SystemExit, match="3"):
        loop.run(_fail(SystemExit(3)))

    assert lines.events == []


def test_a_callback_that_fails_is_told(lines: Lines) -> None:
    """And what has no exception is left to asyncio."""

    def fail() -> None:
        raise LookupError("in a callback")  # noqa: EM101, TRY003 - short

    async def main() -> None:
        asyncio.get_running_loop().call_soon(fail)
        asyncio.get_running_loop().call_exception_handler({"message": "something odd"})
        await asyncio.sleep(0.01)

    loop.run(main())

    assert [line["event"] for line in lines.events] == ["something odd", "loop.callback_failed"]
