"""The event loop of a process: what fails in it and has no caller is reported, and the loop goes on."""

import asyncio
import inspect
import traceback
from collections.abc import Coroutine
from contextvars import Context, copy_context
from typing import Any, TypeVar

import structlog
import uvloop

from .. import failures

GRACE_SECONDS = 1.0  # for whoever holds a failed task to ask for its result

T = TypeVar("T")
log = structlog.get_logger()


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run `main` to its end on a loop of its own, which stays open: closing it would wait for a blocking call.

    `SystemExit` in another task or in a callback would stop the loop: it is a failure of that task, and no more.
    Only `KeyboardInterrupt` cancels everything, and closes the loop.
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
    """Whether a coroutine raised it, whose task remembers it."""
    frames = (frame for frame, _ in traceback.walk_tb(error.__traceback__))
    return any(frame.f_code.co_flags & inspect.CO_COROUTINE for frame in frames)


class TaskWatch:
    """Reports tasks that failed and whose result nobody asked for, also while somebody holds them."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        """Watch what `loop` creates from now on."""
        self._loop = loop
        self._failed: dict[asyncio.Task[Any], Context] = {}
        loop.set_task_factory(self._create)
        loop.set_exception_handler(_callback_failed)

    def finish(self) -> None:
        """Report the tasks that nobody will ask any more."""
        for task in tuple(self._failed):
            self._report(task)

    def _create(self, loop: asyncio.AbstractEventLoop, work: Any, **options: Any) -> "asyncio.Task[Any]":
        task = asyncio.Task(work, loop=loop, **options)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: "asyncio.Task[Any]") -> None:
        if _unasked(task):
            self._failed[task] = copy_context()  # that of its creator, for the ids of a request
            self._loop.call_later(GRACE_SECONDS, self._report, task)

    def _report(self, task: "asyncio.Task[Any]") -> None:
        context = self._failed.pop(task, None)
        if context is not None and _unasked(task) and (error := task.exception()) is not None:
            context.run(failures.report, "task", "task.failed", error, task=task.get_name())


def _unasked(task: "asyncio.Task[Any]") -> bool:
    """Whether it failed and nobody asked how it ended. To ask would be an answer: hence the attribute."""
    return bool(task._log_traceback)  # noqa: SLF001 - see above


def _callback_failed(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    error = context.get("exception")
    if error is None:  # a task that was destroyed while it waited, for one
        loop.default_exception_handler(context)
    elif "future" in context or "task" in context:  # a call in an executor, for one, whose result nobody asked for
        failures.report("task", "task.failed", error, task="")
    else:
        failures.report("loop", "loop.callback_failed", error)
