"""Errors that nobody handles: one count and one line with the traceback, whatever they ended.

The line is also what reaches error tracking: the pipeline of the logs reports the exception of each error line once.
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
_BY_SOURCE = {source: UNHANDLED.labels(source) for source in SOURCES}  # now, so that increase() sees the first one

log = structlog.get_logger()


class KnownError(RuntimeError):
    """Tells of a failure that has been reported, as the check of a background task does. It is not reported again."""


def report(source: str, event: str, error: BaseException, **fields: object) -> None:
    """Count an error of one of `SOURCES`, and log it as `event` with its traceback and `fields`."""
    _BY_SOURCE[source].inc()
    log.error(event, exc_info=error, **fields)


def was_told_to_stop() -> bool:
    """Whether the running task itself was cancelled, and not only something that it waited for."""
    try:
        task = asyncio.current_task()
    except RuntimeError:  # not in a loop of asyncio
        return False
    return task is not None and task.cancelling() > 0


def is_survived(error: BaseException) -> bool:
    """Whether what caught the error of other people's code reports it and goes on.

    Not so for what ends the running task itself or the process: its own cancellation, its being closed, Ctrl-C.
    """
    if isinstance(error, asyncio.CancelledError):
        return not was_told_to_stop()
    return not isinstance(error, KeyboardInterrupt | GeneratorExit)
