"""OTLP from spans, several times cheaper than by the stock encoder, because attributes repeat.

A message of protocol buffers is the concatenation of its fields, so the few fields that differ from span to span are
encoded by the official classes and joined with attributes encoded once. Anything unusual takes the stock way.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import lru_cache

from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1 import trace_pb2
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExportResult
from opentelemetry.trace import SpanKind, StatusCode
from opentelemetry.util.types import AttributeValue

_REMEMBERED_ATTRIBUTES = 4096
_FIELD_OF_TYPE: Mapping[type, str] = {
    str: "string_value",
    bool: "bool_value",
    int: "int_value",
    float: "double_value",
}
# opentelemetry-proto: trace.proto and trace_service.proto
_SPAN_ATTRIBUTES, _SCOPE_SPANS, _RESOURCE_SCOPES, _REQUEST_RESOURCES = 9, 2, 2, 1


class RememberingExporter(OTLPSpanExporter):
    """The stock exporter (endpoint, headers, TLS, retries, compression) with `encode` in place of its encoder."""

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Send one batch. Blocks for at most `OTEL_EXPORTER_OTLP_TIMEOUT`."""
        # The client is not public; the version is pinned, and a test exports through it to a real server.
        sent = self._client.export(encode(spans))
        return SpanExportResult.SUCCESS if sent.success else SpanExportResult.FAILURE


def encode(spans: Sequence[ReadableSpan]) -> bytes:
    """A serialized `ExportTraceServiceRequest`."""
    scopes = defaultdict(list)
    for span in spans:  # by identity: both are shared by the spans of a tracer, and slow to hash
        scopes[id(span.resource), id(span.instrumentation_scope)].append(span)
    return b"".join(_encode_scope(members) for members in scopes.values())


def _encode_scope(spans: list[ReadableSpan]) -> bytes:
    resource = encode_spans(spans[:1]).resource_spans[0]
    scope = resource.scope_spans[0]
    del scope.spans[:], resource.scope_spans[:]
    encoded = b"".join(_field(_SCOPE_SPANS, _encode_span(span)) for span in spans)
    scope_spans = _field(_RESOURCE_SCOPES, scope.SerializeToString() + encoded)
    return _field(_REQUEST_RESOURCES, resource.SerializeToString() + scope_spans)


def _encode_span(span: ReadableSpan) -> bytes:
    attributes = span.attributes or {}
    context, parent = span.context, span.parent
    plain = all(type(value) in _FIELD_OF_TYPE for value in attributes.values())
    dropped = span.dropped_attributes or span.dropped_events or span.dropped_links
    if not plain or dropped or span.events or span.links or context.trace_state:
        return _encode_unusual(span)
    try:
        encoded = [_attribute(key, value) for key, value in attributes.items()]
    except ValueError:  # an integer beyond 64 bits, a lone surrogate: the stock encoder leaves it out
        return _encode_unusual(span)
    head = trace_pb2.Span(
        trace_id=context.trace_id.to_bytes(16, "big"),
        span_id=context.span_id.to_bytes(8, "big"),
        parent_span_id=parent.span_id.to_bytes(8, "big") if parent else b"",
        name=span.name,
        kind=_KINDS[span.kind],
        start_time_unix_nano=span.start_time or 0,
        end_time_unix_nano=span.end_time or 0,
        status=trace_pb2.Status(code=_CODES[span.status.status_code], message=span.status.description or ""),
        flags=_REMOTE_PARENT if parent and parent.is_remote else _LOCAL_PARENT,
    )
    return b"".join([head.SerializeToString(), *encoded])


def _encode_unusual(span: ReadableSpan) -> bytes:
    stock = encode_spans([span]).resource_spans[0].scope_spans[0].spans[0]
    return bytes(stock.SerializeToString())


_KINDS = {kind: trace_pb2.Span.SpanKind.Value(f"SPAN_KIND_{kind.name}") for kind in SpanKind}
_CODES = {code: trace_pb2.Status.StatusCode.Value(f"STATUS_CODE_{code.name}") for code in StatusCode}
_LOCAL_PARENT = trace_pb2.SPAN_FLAGS_CONTEXT_HAS_IS_REMOTE_MASK
_REMOTE_PARENT = _LOCAL_PARENT | trace_pb2.SPAN_FLAGS_CONTEXT_IS_REMOTE_MASK


@lru_cache(maxsize=_REMEMBERED_ATTRIBUTES, typed=True)
def _attribute(key: str, value: AttributeValue) -> bytes:
    any_value = AnyValue()
    setattr(any_value, _FIELD_OF_TYPE[type(value)], value)
    return _field(_SPAN_ATTRIBUTES, KeyValue(key=key, value=any_value).SerializeToString())


def _field(number: int, payload: bytes) -> bytes:
    """A length-delimited field: its tag, the payload's length as a varint, the payload."""
    length = len(payload)
    header = bytearray((number << 3 | 2,))
    while length > 0x7F:  # noqa: PLR2004 - seven bits of a varint's byte
        header.append(length & 0x7F | 0x80)
        length >>= 7
    header.append(length)
    return bytes(header) + payload
