"""The end of the process: nothing that is left may keep it, and the last lines are written."""

import os
import signal
import sys
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager

import structlog

from ..exit_status import FAILED
from ..logs import sink
from ..logs.limits import TEXT_BYTES, cut_middle
from ..reporting import sentry
from .times import FLUSH_SECONDS, LATE_FLUSH_SECONDS, LEAVE_SECONDS
from .watchdog import Watchdog, children, end_children

log = structlog.get_logger()


@contextmanager
def ending() -> Iterator[None]:
    """Flush error reports and the log after the body, whatever becomes of it."""
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # nothing is left to stop
        flush()  # what came after the end of the lifespan, or of a start that failed


def flush(seconds: float = FLUSH_SECONDS) -> None:
    """Send the last reports and write the last lines, in at most so many seconds each."""
    sentry.flush(seconds)
    sink.stdout.flush(seconds)


def leave(status: int, watchdog: Watchdog) -> int:
    """The exit status. From now on threads, child processes and `atexit` handlers have a limited time."""
    watchdog.late = _tell_what_is_left
    watchdog.leave(LEAVE_SECONDS)
    return status


def last(watchdog: Watchdog) -> None:
    """What `atexit` calls last of all."""
    flush()  # what its other handlers have logged
    if watchdog.cut:
        end_children()
        os._exit(FAILED)  # the status would be that of the main thread


def _tell_what_is_left() -> None:
    threads = [each for each in threading.enumerate() if each is not threading.main_thread() and not each.daemon]
    frame = sys._current_frames().get(threads[0].ident or 0) if threads else None  # noqa: SLF001 - documented
    stack = "".join(traceback.format_stack(frame)) if frame is not None else ""
    log.error(
        "process.left",
        threads=[each.name for each in threads],
        children=[child.name for child in children()],
        stack=cut_middle(stack, TEXT_BYTES),
    )
    flush(LATE_FLUSH_SECONDS)
