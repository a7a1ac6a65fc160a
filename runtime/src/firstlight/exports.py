"""The exports of logs and metrics by OTLP, where the standard variables switch them on. Else nothing is imported."""

import time
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from .identity import Identity
from .logs.watched import Watch, together
from .server.stop import Telemetry
from .settings import Settings

if TYPE_CHECKING:
    from .otlp.log_queue import LogQueue
    from .otlp.metric_exports import MetricExports

Flush = Callable[[float], object]
LINES_SHARE = 3  # sixteenths of what telemetry may hold in memory; standard output has the same less then


class Exports(NamedTuple):
    """What is exported besides spans."""

    logs: "LogQueue | None" = None
    metrics: "MetricExports | None" = None

    def watch(self, other: Watch | None) -> Watch | None:
        """Takes each line of JSON, for `other` and for the export, if there is one of them."""
        return together(other, None if self.logs is None else self.logs.put)

    def beside(self, telemetry: Telemetry) -> Telemetry:
        """The same, with the last export of metrics beside that of spans, and of lines beside standard output.

        It takes no more time.
        """
        return replace(
            telemetry,
            flush_spans=_beside(self.metrics, telemetry.flush_spans),
            flush_lines=self.with_lines(telemetry.flush_lines),
        )

    def with_lines(self, flush: Flush) -> Flush:
        """`flush`, and beside it the last export of lines, within the same time."""
        return _beside(self.logs, flush)


def exports(settings: Settings, identity: Identity, *, is_command: bool = False) -> Exports:
    """Start what the settings want exported. The metrics of a command are not, as nothing scrapes it."""
    logs, metrics = settings.exports("logs"), settings.exports("metrics") and not is_command
    if not (logs or metrics):
        return Exports()
    from .otlp import signals  # noqa: PLC0415 - it takes time to import, and only here it is used

    of = signals.Signals(settings, identity)
    return Exports(
        of.logs(settings.telemetry_bytes * LINES_SHARE // 16) if logs else None, of.metrics() if metrics else None
    )


def _beside(part: "LogQueue | MetricExports | None", flush: Flush) -> Flush:
    if part is None:
        return flush

    def both(seconds: float) -> None:
        deadline = time.monotonic() + seconds
        part.end()
        flush(seconds)
        part.stop(max(deadline - time.monotonic(), 0))

    return both
