"""The end of the process: nothing that is left may keep it, and the last lines are written."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from ..logs import sink
from ..reporting import sentry

FLUSH_SECONDS = 2.0


@contextmanager
def ending() -> Iterator[None]:
    """Flush error reports and the log after the body, whatever becomes of it."""
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # nothing is left to stop
        flush()  # what came after the end of the lifespan, or of a start that failed


def flush() -> None:
    """Send the last reports and write the last lines."""
    sentry.flush(FLUSH_SECONDS)
    sink.stdout.flush(FLUSH_SECONDS)


def leave(status: int) -> int:
    """The exit status. Ends the process at once where a thread is left that nobody can cancel."""
    if any(thread is not threading.main_thread() and not thread.daemon for thread in threading.enumerate()):
        os._exit(status)  # a blocking call; everything else has ended
    return status
