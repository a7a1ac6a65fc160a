"""The queue of finished spans: limited, emptied by one thread, never in the way of a request or of the shutdown.

The SDK's batch processor drops spans without counting them and may take half a minute to stop.
"""

import threading
import time
from collections import deque

import structlog
from opentelemetry.context import Context
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from ..metrics.instruments import TRACES_EXPORT_FAILED, TRACES_QUEUE_FULL
from ..settings import Settings

log = structlog.get_logger()


class SpanQueue(SpanProcessor):
    """Hands finished, sampled spans to an exporter in batches, from a thread of its own."""

    def __init__(self, exporter: SpanExporter, settings: Settings) -> None:
        """Sizes and delay are the standard `OTEL_BSP_*` variables."""
        self._exporter = exporter
        self._capacity = settings.otel_bsp_max_queue_size
        self._batch = min(settings.otel_bsp_max_export_batch_size, self._capacity)
        self._delay = settings.otel_bsp_schedule_delay / 1000
        self._queue: deque[ReadableSpan] = deque()
        self._full_batch = threading.Event()
        self._stopping = False
        self._failing = False
        self._thread = threading.Thread(target=self._run, name="span-queue", daemon=True)
        self._thread.start()

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Nothing to do: a span is of interest when it has ended."""

    def on_end(self, span: ReadableSpan) -> None:
        """Queue a span, or count it as dropped. Never blocks."""
        if not (span.context and span.context.trace_flags.sampled):
            return
        if self._stopping or len(self._queue) >= self._capacity:
            TRACES_QUEUE_FULL.inc()
            return
        self._queue.append(span)
        if len(self._queue) >= self._batch and not self._full_batch.is_set():
            self._full_batch.set()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Wait until what is queued has been handed to the exporter. False: it was not, in time."""
        deadline = time.monotonic() + timeout_millis / 1000
        while self._queue and time.monotonic() < deadline and self._thread.is_alive():
            self._full_batch.set()
            self._thread.join(0.01)
        return not self._queue

    def stop(self, timeout: float) -> bool:
        """Export what is left, for at most `timeout` seconds; count what is left after that as dropped."""
        self._stopping = True
        self._full_batch.set()
        self._thread.join(timeout)
        done = not self._thread.is_alive()
        TRACES_QUEUE_FULL.inc(len(self._queue))
        self._queue.clear()
        self._exporter.shutdown()
        return done

    def _run(self) -> None:
        last = False
        while not last:
            self._full_batch.wait(self._delay)
            self._full_batch.clear()
            last = self._stopping  # before the queue is emptied, so that nothing ends up in it afterwards
            while self._queue:
                self._export([self._queue.popleft() for _ in range(min(self._batch, len(self._queue)))])

    def _export(self, batch: list[ReadableSpan]) -> None:
        try:
            failed = self._exporter.export(batch) is not SpanExportResult.SUCCESS
        except Exception:  # an exporter's bug must not end the thread
            failed = True
            log.exception("telemetry.exporter_crashed")
        if failed:
            TRACES_EXPORT_FAILED.inc(len(batch))
        if failed != self._failing:  # one line when it starts and one when it ends, not one for every batch
            self._failing = failed
            (log.warning if failed else log.info)("telemetry.export_failed" if failed else "telemetry.export_recovered")
