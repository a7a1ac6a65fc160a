"""Slow statements: a counter for each, and at most one event of a statement in a period. Parameters are not logged."""

import time
from collections import deque
from collections.abc import Callable
from typing import NamedTuple

import structlog

from ...metrics.children import OVERFLOW, Children
from .metrics import SLOW_STATEMENTS

log = structlog.get_logger()

EVENT_SECONDS = 60.0  # between two events about one statement
MAX_TEXTS = 500  # statements that are remembered for this
RECENT = 50  # slow statements that the development console can show
SHOWN_CHARACTERS = 1000


class SlowStatement(NamedTuple):
    """One slow statement, without its parameters."""

    time: float
    """When it ended, in seconds since the epoch."""
    operation: str
    table: str
    seconds: float
    text: str


def _overflowed(labels: tuple[str, ...]) -> tuple[str, ...]:
    operation, _ = labels
    return operation, OVERFLOW


class SlowLog:
    """Counts and logs the slow statements of one server."""

    def __init__(self, server: str, seconds: float, explain: Callable[[str], None] | None = None) -> None:
        """A statement of `seconds` or more is slow. `explain` gets its text when the event is written."""
        self.seconds = seconds
        self._server = server
        self._explain = explain
        self._counts = Children(SLOW_STATEMENTS, _overflowed)
        self._written: dict[str, float] = {}
        self.recent: deque[SlowStatement] = deque(maxlen=RECENT)

    def write(self, operation: str, table: str, text: str, seconds: float) -> None:
        """Count a statement, and log it."""
        self._counts[operation, table].inc()
        self.recent.append(SlowStatement(time.time(), operation, table, seconds, text[:SHOWN_CHARACTERS]))
        now = time.monotonic()
        if now < self._written.get(text, 0.0) or not self._has_place(text, now):
            return
        self._written[text] = now + EVENT_SECONDS
        log.warning(
            "database.slow_statement_finished",
            server=self._server,
            db_operation_name=operation,
            db_collection_name=table,
            duration_seconds=round(seconds, 4),
            threshold_seconds=self.seconds,
            statement=text,
        )
        if self._explain is not None:
            self._explain(text)

    def _has_place(self, text: str, now: float) -> bool:
        if text in self._written or len(self._written) < MAX_TEXTS:
            return True
        self._written = {text: until for text, until in self._written.items() if until > now}
        return len(self._written) < MAX_TEXTS
