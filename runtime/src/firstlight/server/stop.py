"""The last steps of the stop: record, flush and log, in order, or from the watchdog if the loop hangs."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from ..exit_status import FAILED
from ..lifecycle import Lifecycle
from ..metrics.event_loop import Heartbeat
from .ends import Ends
from .times import FLUSH_SECONDS, LATE_FLUSH_SECONDS, RECORD_SECONDS

POLL_SECONDS = 0.01
BLOCKED_SECONDS = 0.4  # the loop counts as blocked without a beat for so long; it beats every 0.1 s
MOST_CUT = 50  # names in one log line

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Telemetry:
    """The functions that flush each signal. Their argument is the limit in seconds."""

    flush_spans: Callable[[float], object]
    flush_reports: Callable[[float], object]
    flush_lines: Callable[[float], object]


class Stop:
    """The last steps of a lifespan, and the exit status."""

    def __init__(self, lifecycle: Lifecycle, heartbeat: Heartbeat, ends: Ends, telemetry: Telemetry) -> None:
        """The process still runs."""
        self._lifecycle = lifecycle
        self._heartbeat = heartbeat
        self._ends = ends
        self._telemetry = telemetry
        self._said = False

    @property
    def status(self) -> int:
        """The exit status: 1 when something was cut, or a component did not close."""
        return FAILED if self._lifecycle.cut or self._ends.unclosed else 0

    async def record(self) -> None:
        """Wait until cancelled requests have recorded themselves, then record those that ignore the cancellation."""
        for _ in range(round(RECORD_SECONDS / POLL_SECONDS)):
            if not (self._lifecycle.requests or self._lifecycle.websockets):
                break
            await asyncio.sleep(POLL_SECONDS)
        self._abandon()

    def flush_spans(self) -> None:
        """Send the last spans."""
        self._telemetry.flush_spans(FLUSH_SECONDS)

    def flush(self) -> None:
        """Send the last error reports, log `service.stopped`, and write the last lines."""
        self._telemetry.flush_reports(FLUSH_SECONDS)
        self._say()
        self._telemetry.flush_lines(FLUSH_SECONDS)

    def flush_all(self, seconds: float) -> None:
        """Send and write everything, within `seconds` for each signal."""
        self._telemetry.flush_spans(seconds)
        self._telemetry.flush_reports(seconds)
        self._telemetry.flush_lines(seconds)

    def late(self) -> None:
        """Take all steps now, in the watchdog's thread, because the loop has not ended."""
        if self._heartbeat.age > BLOCKED_SECONDS:
            self._lifecycle.cut.append("event loop")
        if self._ends.closing:
            self._ends.cut.append(self._ends.closing)
        self._abandon()
        self._telemetry.flush_spans(LATE_FLUSH_SECONDS)
        self._telemetry.flush_reports(LATE_FLUSH_SECONDS)
        self._say()
        self._telemetry.flush_lines(LATE_FLUSH_SECONDS)

    def _abandon(self) -> None:
        for each in (*self._lifecycle.requests, *self._lifecycle.websockets):
            each.abandon()

    def _say(self) -> None:
        if self._said:
            return
        self._said = True
        cut = [*self._lifecycle.cut, *(f"component {name}" for name in self._ends.cut)]
        if cut:
            log.error("service.stopped", cut=cut[:MOST_CUT], cut_in_all=len(cut))
        else:
            log.info("service.stopped")
