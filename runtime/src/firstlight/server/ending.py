"""The end of the process: threads and children cannot delay it, and the last log lines are written."""

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
    """Flush error reports and log lines after the body, also if it raises."""
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # the process ends already
        flush()  # what was logged after the lifespan, or by a failed start


def flush(seconds: float = FLUSH_SECONDS) -> None:
    """Send the last reports and write the last lines, in at most `seconds` each."""
    sentry.flush(seconds)
    sink.stdout.flush(seconds)


def leave(status: int, watchdog: Watchdog) -> int:
    """Limit the time of threads, child processes and `atexit` handlers. Returns the exit status."""
    watchdog.late = _tell_what_is_left
    watchdog.leave(LEAVE_SECONDS)
    return status


def last(watchdog: Watchdog) -> None:
    """The last `atexit` handler."""
    flush()  # what other `atexit` handlers have logged
    if watchdog.cut:
        end_children()
        os._exit(FAILED)  # `sys.exit` in `atexit` has no effect on the status


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
