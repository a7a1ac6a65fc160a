"""The event loop of a process: errors in tasks and callbacks without a caller are reported, and the loop continues."""

import asyncio
import inspect
import traceback
from collections.abc import Coroutine
from contextvars import Context, copy_context
from typing import Any, TypeVar

import structlog
import uvloop

from .. import failures

GRACE_SECONDS = 1.0  # the code that has a failed task may read its result in this time

T = TypeVar("T")
log = structlog.get_logger()


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run `main` on a new loop. The loop is not closed, because that would wait for blocking calls.

    `SystemExit` in another task or in a callback does not stop the loop: it counts as a failure of that task. Only
    `KeyboardInterrupt` cancels everything and closes the loop.
    """
    runner = asyncio.Runner(loop_factory=uvloop.new_event_loop)
    loop = runner.get_loop()
    watch = TaskWatch(loop)
    task: asyncio.Task[T] | None = None

    async def named() -> T:
        nonlocal task
        task = asyncio.current_task()
        return await main

    try:
        try:
            return runner.run(named())
        except SystemExit as error:
            stopped = error
        return _resumed(loop, task, stopped)
    except KeyboardInterrupt:
        runner.close()
        raise
    finally:
        watch.finish()


def _resumed(loop: asyncio.AbstractEventLoop, task: "asyncio.Task[T] | None", error: SystemExit) -> T:
    while task is not None and not task.done():
        if not _in_a_task(error):
            failures.report("loop", "loop.callback_failed", error)
        try:
            return loop.run_until_complete(task)
        except SystemExit as another:
            error = another
    raise error


def _in_a_task(error: BaseException) -> bool:
    """Whether a coroutine raised the error: its task then has it as well."""
    frames = (frame for frame, _ in traceback.walk_tb(error.__traceback__))
    return any(frame.f_code.co_flags & inspect.CO_COROUTINE for frame in frames)


class TaskWatch:
    """Reports failed tasks whose result is not read, also if they are still referenced."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        """Watch the tasks that `loop` creates from now on."""
        self._loop = loop
        self._failed: dict[asyncio.Task[Any], Context] = {}
        loop.set_task_factory(self._create)
        loop.set_exception_handler(_callback_failed)

    def finish(self) -> None:
        """Report all failed tasks whose result was not read: the loop ends."""
        for task in tuple(self._failed):
            self._report(task)

    def _create(self, loop: asyncio.AbstractEventLoop, work: Any, **options: Any) -> "asyncio.Task[Any]":
        task = asyncio.Task(work, loop=loop, **options)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: "asyncio.Task[Any]") -> None:
        if _unasked(task):
            self._failed[task] = copy_context()  # the context of its creator, with the ids of the request
            self._loop.call_later(GRACE_SECONDS, self._report, task)

    def _report(self, task: "asyncio.Task[Any]") -> None:
        context = self._failed.pop(task, None)
        if context is not None and _unasked(task) and (error := task.exception()) is not None:
            context.run(failures.report, "task", "task.failed", error, task=task.get_name())


def _unasked(task: "asyncio.Task[Any]") -> bool:
    """Whether the task failed and its result was not read. `exception()` would count as reading."""
    return bool(task._log_traceback)  # noqa: SLF001 - see above


def _callback_failed(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    error = context.get("exception")
    if error is None:  # a task that was destroyed while it waited, for one
        loop.default_exception_handler(context)
    elif "future" in context or "task" in context:  # a call in an executor, for one, whose result nobody asked for
        failures.report("task", "task.failed", error, task="")
    else:
        failures.report("loop", "loop.callback_failed", error)
