"""The queue of finished spans, as a span processor of the SDK."""

from opentelemetry.context import Context
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from ..metrics.instruments import TRACES_QUEUE_FULL
from ..otlp.batches import Batches, Capacity
from ..otlp.deliveries import ExportError
from ..settings import Settings
from .encoded_span import OBJECT_BYTES, EncodedSpan
from .size import size

MAX_BYTES = 8_388_608


class SpanQueue(Batches[ReadableSpan], SpanProcessor):
    """Hands finished, sampled spans to an exporter in batches, from a thread of its own."""

    def __init__(self, exporter: SpanExporter, settings: Settings, max_bytes: int = MAX_BYTES) -> None:
        """Sizes and delay are the standard `OTEL_BSP_*` variables. `max_bytes` limits the memory of the spans."""
        self._exporter = exporter
        number, batch = settings.otel_bsp_max_queue_size, settings.otel_bsp_max_export_batch_size
        capacity = Capacity(number, batch, settings.otel_bsp_schedule_delay, max_bytes)
        super().__init__("traces", capacity, TRACES_QUEUE_FULL)

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

    def _send(self, batch: list[ReadableSpan]) -> None:
        if self._exporter.export(batch) is not SpanExportResult.SUCCESS:
            raise ExportError

    def _close(self) -> None:
        self._exporter.shutdown()
