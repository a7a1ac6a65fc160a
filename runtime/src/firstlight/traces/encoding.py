"""Encodes spans as OTLP, at a fraction of the cost of the stock encoder, because attributes repeat.

A message of protocol buffers is the concatenation of its fields. The fields that many spans share are encoded once, by
the official classes, and joined with the few fields that differ. Unusual spans go through the stock encoder.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import lru_cache
from struct import Struct
from typing import Any

from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.proto.common.v1.common_pb2 import AnyValue
from opentelemetry.proto.trace.v1 import trace_pb2
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanContext, SpanKind, StatusCode
from opentelemetry.util.types import AttributeValue

from ..logs.redaction import REDACTED, redact, redact_text
from ..metrics.instruments import TRACES_NOT_RENDERED
from .attributes import SharedAttributes
from .encoded_span import EncodedSpan
from .redaction import clean, clean_attributes

# Below 1 MiB in all: clients choose some of the values.
_REMEMBERED_ATTRIBUTES, _REMEMBERED_NAMES = 1024, 128
_REMEMBERED_CHARACTERS = 256  # of a key and its value, both ASCII
_FIELD_OF_TYPE: Mapping[type, str] = {
    str: "string_value",
    bool: "bool_value",
    int: "int_value",
    float: "double_value",
}
# opentelemetry-proto: common.proto, trace.proto and trace_service.proto
_ANY_STRING, _PAIR_KEY, _PAIR_VALUE = 1, 1, 2
_SPAN_NAME, _SPAN_ATTRIBUTES, _SCOPE_SPANS, _RESOURCE_SCOPES, _REQUEST_RESOURCES = 5, 9, 2, 2, 1


def encode(spans: Sequence[ReadableSpan]) -> bytes:
    """A serialized `ExportTraceServiceRequest`."""
    scopes = defaultdict(list)
    for span in spans:  # by identity: both are shared by the spans of a tracer, and slow to hash
        scopes[id(span.resource), id(span.instrumentation_scope)].append(span)
    return b"".join(_encode_scope(members) for members in scopes.values())


def _encode_scope(spans: list[ReadableSpan]) -> bytes:
    nothing = ReadableSpan(
        "", _NO_CONTEXT, resource=spans[0].resource, instrumentation_scope=spans[0].instrumentation_scope
    )
    resource = encode_spans([nothing]).resource_spans[0]
    scope = resource.scope_spans[0]
    clean_attributes(resource.resource.attributes)
    del scope.spans[:], resource.scope_spans[:]
    encoded = b"".join(_field(_SCOPE_SPANS, one) for one in map(_rendered, spans) if one is not None)
    scope_spans = _field(_RESOURCE_SCOPES, scope.SerializeToString() + encoded)
    return _field(_REQUEST_RESOURCES, resource.SerializeToString() + scope_spans)


def _rendered(span: ReadableSpan) -> bytes | None:
    """The encoded span. A span that cannot be encoded is counted as dropped, so that the rest of its batch is sent."""
    if isinstance(span, EncodedSpan):
        return span.body
    try:
        return _encode_span(span)
    except Exception:  # noqa: BLE001 - names, states and values come from clients and from the team
        TRACES_NOT_RENDERED.inc()
        return None


def _encode_span(span: ReadableSpan) -> bytes:
    attributes = span.attributes or {}
    context, parent = span.context, span.parent
    plain = all(type(value) in _FIELD_OF_TYPE for value in attributes.values())
    dropped = span.dropped_attributes or span.dropped_events or span.dropped_links
    if not plain or dropped or span.status.description or span.events or span.links or context.trace_state:
        return _encode_unusual(span)
    times = span.start_time or 0, span.end_time or 0
    try:
        return encoded(context, parent, span.name, span.kind, times, span.status.status_code, attributes)
    except ValueError:  # an integer beyond 64 bits, a lone surrogate: the stock encoder leaves it out
        return _encode_unusual(span)


def encoded(  # noqa: PLR0913, PLR0917 - the fields of the message
    context: SpanContext,
    parent: SpanContext | None,
    name: str,
    kind: SpanKind,
    times: tuple[int, int],
    status: StatusCode,
    *groups: Mapping[str, Any],
) -> bytes:
    """A span with groups of plain attributes. Raises `ValueError` for text or numbers that the format does not know."""
    return b"".join(
        (
            _TRACE_ID,
            context.trace_id.to_bytes(16, "big"),
            _SPAN_ID,
            context.span_id.to_bytes(8, "big"),
            _PARENT_ID + parent.span_id.to_bytes(8, "big") if parent else b"",
            _name(name),
            _KINDS[kind],
            _TIMES.pack(_START, times[0], _END, times[1]),
            _STATUSES[status],
            _REMOTE_PARENT if parent and parent.is_remote else _LOCAL_PARENT,
            *map(_group, groups),
        )
    )


def _group(attributes: Mapping[str, Any]) -> bytes:
    if isinstance(attributes, SharedAttributes):
        attributes.encoded = attributes.encoded or _encode_group(attributes)
        return attributes.encoded
    return _encode_group(attributes)


def _encode_group(attributes: Mapping[str, Any]) -> bytes:
    return b"".join([_attribute(key, value) for key, value in attributes.items()])


def _encode_unusual(span: ReadableSpan) -> bytes:
    stock = encode_spans([span]).resource_spans[0].scope_spans[0].spans[0]
    clean(stock)
    return bytes(stock.SerializeToString())


def _name(name: str) -> bytes:
    return _remembered_name(name) if len(name) <= _REMEMBERED_CHARACTERS else _encode_name(name)


def _encode_name(name: str) -> bytes:
    name.encode()  # raises for a lone surrogate, which no collector accepts
    return _field(_SPAN_NAME, redact_text(name).encode())


def _attribute(key: str, value: AttributeValue) -> bytes:
    ascii_only, length = key.isascii(), len(key)
    if type(value) is str:
        ascii_only, length = ascii_only and value.isascii(), length + len(value)
    remember = ascii_only and length <= _REMEMBERED_CHARACTERS
    return _remembered(key, value) if remember else _encode_attribute(key, value)


def _encode_attribute(key: str, value: AttributeValue) -> bytes:
    key, value = _redacted(key, value)
    if isinstance(value, str):  # paths seldom repeat
        encoded = _field(_ANY_STRING, value.encode())
    else:
        any_value = AnyValue()
        setattr(any_value, _FIELD_OF_TYPE[type(value)], value)
        encoded = any_value.SerializeToString()
    return _field(_SPAN_ATTRIBUTES, _field(_PAIR_KEY, key.encode()) + _field(_PAIR_VALUE, encoded))


def _redacted(key: str, value: AttributeValue) -> tuple[str, AttributeValue]:
    key.encode()  # raises for a lone surrogate, which no collector accepts
    if isinstance(value, str):
        value.encode()
    ((name, safe),) = redact({key: value}).items()
    return name, safe if isinstance(value, str) or safe == REDACTED else value


_remembered = lru_cache(maxsize=_REMEMBERED_ATTRIBUTES, typed=True)(_encode_attribute)
_remembered_name = lru_cache(maxsize=_REMEMBERED_NAMES)(_encode_name)


def _field(number: int, payload: bytes) -> bytes:
    """A length-delimited field: its tag, the payload's length as a varint, the payload."""
    length = len(payload)
    header = bytearray((number << 3 | 2,))
    while length > 0x7F:  # noqa: PLR2004 - seven bits of a varint's byte
        header.append(length & 0x7F | 0x80)
        length >>= 7
    header.append(length)
    return bytes(header) + payload


_NO_CONTEXT = SpanContext(1, 1, is_remote=False)
# The fields of a span that are the same for many: tag and length, or the whole.
_TRACE_ID, _SPAN_ID, _PARENT_ID = b"\x0a\x10", b"\x12\x08", b"\x22\x08"
_START, _END = 7 << 3 | 1, 8 << 3 | 1  # fixed64
_TIMES = Struct("<BQBQ")
_KINDS = {
    kind: trace_pb2.Span(kind=trace_pb2.Span.SpanKind.Value(f"SPAN_KIND_{kind.name}")).SerializeToString()
    for kind in SpanKind
}
_STATUSES = {
    code: trace_pb2.Span(
        status=trace_pb2.Status(code=trace_pb2.Status.StatusCode.Value(f"STATUS_CODE_{code.name}"))
    ).SerializeToString()
    for code in StatusCode
}
_HAS_REMOTE = trace_pb2.SPAN_FLAGS_CONTEXT_HAS_IS_REMOTE_MASK
_LOCAL_PARENT = trace_pb2.Span(flags=_HAS_REMOTE).SerializeToString()
_REMOTE_PARENT = trace_pb2.Span(flags=_HAS_REMOTE | trace_pb2.SPAN_FLAGS_CONTEXT_IS_REMOTE_MASK).SerializeToString()
