"""Remove secrets from encoded spans. The exporter's thread does this, so that no request waits for it."""

from collections.abc import Iterable
from typing import Any

from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from ..logs.redaction import redact, redact_text


def clean(span: Span) -> None:
    """Redact name, status and attributes of a span, of its events and of its links."""
    span.name = redact_text(span.name)
    if span.status.message:
        span.status.message = redact_text(span.status.message)
    for event in span.events:
        event.name = redact_text(event.name)
        clean_attributes(event.attributes)
    for link in span.links:
        clean_attributes(link.attributes)
    clean_attributes(span.attributes)


def clean_attributes(attributes: Iterable[KeyValue]) -> None:
    """Redact each attribute by its name and its value."""
    for attribute in attributes:
        value = _plain(attribute.value)
        ((key, safe),) = redact({attribute.key: value}).items()
        if key != attribute.key:
            attribute.key = key
        if safe != value:
            attribute.value.CopyFrom(_encoded(safe))


def _plain(value: AnyValue) -> Any:
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [_plain(member) for member in value.array_value.values]
    if kind == "kvlist_value":
        return {member.key: _plain(member.value) for member in value.kvlist_value.values}
    if kind == "bytes_value":
        return value.bytes_value.decode("latin-1")
    return None if kind is None else getattr(value, kind)


def _encoded(value: Any) -> AnyValue:
    if isinstance(value, list):
        return AnyValue(array_value=ArrayValue(values=[_encoded(member) for member in value]))
    if isinstance(value, bool):
        return AnyValue(bool_value=value)
    if isinstance(value, int):
        return AnyValue(int_value=value)
    return AnyValue(double_value=value) if isinstance(value, float) else AnyValue(string_value=str(value))
