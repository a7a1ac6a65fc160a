"""The tasks of an event loop, grouped by the stack at which they wait. Another thread can read them."""

import asyncio
import sys
import threading
from collections.abc import Iterator, Mapping
from typing import Any

from .stacks import MOST_FRAMES, Stack, frames_of, grouped, line

_FRAMES = ("cr_frame", "gi_frame", "ag_frame")
_AWAITED = ("cr_await", "gi_yieldfrom", "ag_await")


class Tasks:
    """Reads the tasks of one loop."""

    def __init__(self) -> None:
        """Of the running loop and its thread."""
        self._loop = asyncio.get_running_loop()
        self._thread = threading.get_ident()

    def __call__(self) -> Mapping[str, Any]:
        """All tasks that are not done: `{"items": [{"count", "stack", "names"}], "left_out"}`."""
        return grouped(self._stacks())

    def _stacks(self) -> Iterator[tuple[str, Stack]]:
        running = asyncio.current_task(self._loop)
        for task in asyncio.all_tasks(self._loop):
            stack = tuple(_waiting(task.get_coro()))
            yield task.get_name(), self._running(stack) if task is running else stack

    def _running(self, stack: Stack) -> Stack:
        """The stack of the task that runs now: it goes on in the functions that the coroutine has called."""
        frame = sys._current_frames().get(self._thread)  # noqa: SLF001 - documented, underscore and all
        whole = [line(each.f_code, each.f_lineno) for each in reversed(frames_of(frame))]
        start = next((index for index, each in enumerate(whole) if stack and each == stack[0]), 0)
        return tuple(whole[start:]) or stack


def _waiting(awaited: Any) -> Iterator[str]:
    """The lines at which a suspended coroutine, and those that it awaits, stand."""
    for _ in range(MOST_FRAMES):
        frame = next((found for name in _FRAMES if (found := getattr(awaited, name, None)) is not None), None)
        if frame is not None:
            yield line(frame.f_code, frame.f_lineno)
        awaited = next((found for name in _AWAITED if (found := getattr(awaited, name, None)) is not None), None)
        if awaited is None:
            return
