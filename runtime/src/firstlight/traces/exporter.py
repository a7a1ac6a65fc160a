"""Sends batches of spans by OTLP over HTTP."""

from collections.abc import Sequence

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from ..otlp.destination import Destination
from ..otlp.sender import Sender
from .encoding import encode


class OtlpExporter(SpanExporter):
    """Encodes and sends spans."""

    def __init__(self, destination: Destination) -> None:
        """Prepare to send to `destination`. No connection is opened yet."""
        self._sender = Sender(destination, ExportTraceServiceResponse, "rejected_spans")

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Send one batch. Raises `ExportError`, at the latest when the time limit is over."""
        self._sender.send(encode(spans), len(spans))
        return SpanExportResult.SUCCESS

    def shutdown(self) -> None:
        """Stop retrying: an export that waits for its next attempt fails at once."""
        self._sender.close()
