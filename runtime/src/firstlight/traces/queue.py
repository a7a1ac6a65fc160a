"""The queue of finished spans: limited, emptied by one thread. It never delays a request or the shutdown.

The SDK's batch processor drops spans without counting them and may take half a minute to stop.
"""

import threading
import time
from collections import deque

import structlog
from opentelemetry.context import Context
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from ..forks import renew_in_child
from ..metrics.instruments import TRACES_EXPORT_FAILED, TRACES_QUEUE_FULL
from ..settings import Settings
from .encoded_span import OBJECT_BYTES, EncodedSpan
from .size import size

log = structlog.get_logger()

MAX_BYTES = 8_388_608
_BATCHES = 8  # of the largest size that fit into the limit
_REASON_CHARACTERS = 500


class ExportError(Exception):
    """A batch was not delivered. The message is the reason, in a few words."""


class SpanQueue(SpanProcessor):
    """Hands finished, sampled spans to an exporter in batches, from a thread of its own."""

    def __init__(self, exporter: SpanExporter, settings: Settings, max_bytes: int = MAX_BYTES) -> None:
        """Sizes and delay are the standard `OTEL_BSP_*` variables.

        `max_bytes` limits the memory of all spans that have not been exported, those in the exporter's hands included.
        """
        self._exporter = exporter
        self._capacity = settings.otel_bsp_max_queue_size
        self._batch = min(settings.otel_bsp_max_export_batch_size, self._capacity)
        self._delay = settings.otel_bsp_schedule_delay / 1000 or None  # without a delay each span ends the wait
        self._due = self._batch if self._delay else 1
        self._max_bytes, self._batch_bytes = max_bytes, max_bytes // _BATCHES
        self._begin()
        self._start()
        renew_in_child(self._begin)  # the parent exports its own spans

    def _begin(self) -> None:
        self._bytes = 0
        self._queue: deque[tuple[ReadableSpan, int]] = deque()
        self._lock = threading.RLock()  # a finalizer may end a span while this thread ends one
        self._full_batch = threading.Event()
        self._stopping = False
        self._failing = False
        self._given_up = False  # the process has stopped waiting, and has logged that it stopped
        self._thread: threading.Thread | None = None

    def _start(self) -> None:
        with self._lock:
            if self._thread is None:
                thread = threading.Thread(target=self._run, name="span-queue", daemon=True)
                thread.start()
                self._thread = thread

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Do nothing: spans are queued when they end."""

    def on_end(self, span: ReadableSpan) -> None:
        """Queue a span, or count it as dropped. Never blocks."""
        if not (span.context and span.context.trace_flags.sampled):
            return
        self._put(span, size(span))

    def put(self, span: EncodedSpan) -> None:
        """Queue a span that is encoded already, or count it as dropped. Never blocks."""
        self._put(span, OBJECT_BYTES + len(span.body))

    def _put(self, span: ReadableSpan, needed: int) -> None:
        with self._lock:
            full = len(self._queue) >= self._capacity or self._bytes + needed > self._max_bytes
            if not (full or self._stopping):
                self._bytes += needed
                self._queue.append((span, needed))
        if self._thread is None:  # the first span of a forked child
            self._start()
        if full or self._stopping:
            TRACES_QUEUE_FULL.inc()
        elif not self._full_batch.is_set() and (len(self._queue) >= self._due or self._bytes >= self._batch_bytes):
            self._full_batch.set()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Wait until all queued spans are with the exporter. Returns False when the timeout ends first."""
        deadline = time.monotonic() + timeout_millis / 1000
        while self._queue and time.monotonic() < deadline and self._thread is not None and self._thread.is_alive():
            self._full_batch.set()
            self._thread.join(0.01)
        return not self._queue

    def stop(self, timeout: float) -> bool:
        """Export the queued spans for at most `timeout` seconds. Count the rest as dropped."""
        self._stopping = True
        self._full_batch.set()
        if self._thread is not None:
            self._thread.join(timeout)
        done = self._thread is None or not self._thread.is_alive()
        self._given_up = not done
        with self._lock:
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
                self._export_next()

    def _export_next(self) -> None:
        taken = self._take()
        if taken:
            self._export([span for span, _ in taken])
        with self._lock:
            self._bytes -= sum(needed for _, needed in taken)

    def _take(self) -> list[tuple[ReadableSpan, int]]:
        """The next batch: at most its size in number and its part of the limit in bytes, but one span at least."""
        taken: list[tuple[ReadableSpan, int]] = []
        held = 0
        with self._lock:
            while self._queue and len(taken) < self._batch:
                held += self._queue[0][1]
                if taken and held > self._batch_bytes:
                    break
                taken.append(self._queue.popleft())
        return taken

    def _export(self, batch: list[ReadableSpan]) -> None:
        reason = ""
        try:
            failed = self._exporter.export(batch) is not SpanExportResult.SUCCESS
        except ExportError as error:
            failed, reason = True, str(error)[:_REASON_CHARACTERS]
        except Exception:  # an exporter's bug must not end the thread
            failed = True
            log.exception("telemetry.exporter_crashed")
        if failed:
            TRACES_EXPORT_FAILED.inc(len(batch))
        # One line when it starts and one when it ends, not one for every batch.
        if failed != self._failing and not self._given_up:
            self._failing = failed
            if failed:
                log.warning("telemetry.export_failed", signal="traces", reason=reason)
            else:
                log.info("telemetry.export_recovered", signal="traces")
