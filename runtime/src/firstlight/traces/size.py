"""How much memory a finished span takes, estimated from its texts."""

from collections.abc import Mapping, Sequence
from sys import getsizeof
from typing import Any

from opentelemetry.sdk.trace import ReadableSpan

# CPython 3.11, OpenTelemetry 1.45: a span without attributes, an event or a link, an attribute without its text.
SPAN_BYTES, PART_BYTES, ATTRIBUTE_BYTES = 2800, 600, 60


def size(span: ReadableSpan) -> int:
    """Bytes."""
    total = SPAN_BYTES + len(span.name) + _sum(span.attributes)
    if span.events:
        total += sum(PART_BYTES + _sum(event.attributes) for event in span.events)
    if span.links:
        total += sum(PART_BYTES + _sum(link.attributes) for link in span.links)
    if span.status.description:
        total += getsizeof(span.status.description)
    if span.context and span.context.trace_state:
        total += PART_BYTES + _of(span.context.trace_state)
    return total


def _sum(attributes: Mapping[str, Any] | None) -> int:
    if not attributes:
        return 0
    return sum([ATTRIBUTE_BYTES + (getsizeof(v) if type(v) is str else _of(v)) for v in attributes.values()])


def _of(value: object) -> int:
    """A text, or what holds texts; numbers count as attributes."""
    if isinstance(value, str | bytes):
        return getsizeof(value)
    if isinstance(value, Mapping):
        return sum(ATTRIBUTE_BYTES + _of(key) + _of(each) for key, each in value.items())
    if isinstance(value, Sequence):
        return sum(ATTRIBUTE_BYTES + _of(each) for each in value)
    return 0
