"""Unhandled errors: each is counted once and logged once with its traceback.

The log line also carries it to error tracking: the log pipeline reports the exception of each error line once.
"""

import asyncio

import structlog
from prometheus_client import Counter

from .metrics.instruments import REGISTRY

SOURCES = (
    "request",
    "websocket",
    "background",
    "task",
    "thread",
    "finalizer",
    "check",
    "start",
    "stop",
    "process",
    "command",
    "loop",
    "telemetry",
)
UNHANDLED = Counter("unhandled_errors", "Errors that nobody handled.", ("source",), registry=REGISTRY)
# Create the children now, so that increase() sees the first error.
_BY_SOURCE = {source: UNHANDLED.labels(source) for source in SOURCES}

log = structlog.get_logger()


class KnownError(RuntimeError):
    """A failure that has been reported already, such as that of a background task: its check raises this error."""


def report(source: str, event: str, error: BaseException, **fields: object) -> None:
    """Count an error of `source`, one of `SOURCES`, and log it as `event` with its traceback and `fields`."""
    _BY_SOURCE[source].inc()
    log.error(event, exc_info=error, **fields)


def was_told_to_stop() -> bool:
    """Whether the running task itself was cancelled, and not just a task or future that it awaited."""
    try:
        task = asyncio.current_task()
    except RuntimeError:  # no event loop runs in this thread
        return False
    return task is not None and task.cancelling() > 0


def is_survived(error: BaseException) -> bool:
    """Whether the code that caught this error of a handler or task should report it and continue.

    False for errors that must end the running task or the process: its own cancellation, `GeneratorExit`, Ctrl-C.
    """
    if isinstance(error, asyncio.CancelledError):
        return not was_told_to_stop()
    return not isinstance(error, KeyboardInterrupt | GeneratorExit)
