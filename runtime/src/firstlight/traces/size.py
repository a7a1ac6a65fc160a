"""How much memory a finished span takes, estimated from its texts."""

from collections.abc import Mapping, Sequence
from sys import getsizeof
from typing import Any

from opentelemetry.sdk.trace import ReadableSpan

# CPython 3.11, OpenTelemetry 1.45: a span without attributes, an event or a link, an attribute without its text.
SPAN_BYTES, PART_BYTES, ATTRIBUTE_BYTES = 2800, 600, 60
_PLAIN = frozenset({str, int, float, bool, type(None)})


def size(span: ReadableSpan) -> int:
    """The estimated size of a finished span, in bytes."""
    total = SPAN_BYTES + len(span.name) + _sum(span.attributes)
    if span.events:
        total += sum(PART_BYTES + _sum(event.attributes) for event in span.events)
    if span.links:
        total += sum(PART_BYTES + _sum(link.attributes) for link in span.links)
    if span.status.description:
        total += getsizeof(span.status.description)
    if span.context and span.context.trace_state:
        total += PART_BYTES + _inside(span.context.trace_state)
    return total


def _sum(attributes: Any) -> int:
    """The bytes of all attributes. Reading a copy, a plain dictionary, costs a fourth of the SDK's mapping."""
    if not attributes:
        return 0
    values = attributes.copy().values()
    total = ATTRIBUTE_BYTES * len(values) + sum(map(getsizeof, values))
    return total if _PLAIN.issuperset(map(type, values)) else total + sum(map(_inside, values))


def _inside(value: object) -> int:
    """The bytes of the values inside a value, such as the items of a list."""
    if isinstance(value, str | bytes):
        return 0
    if isinstance(value, Mapping):
        value = [*value.keys(), *value.values()]
    if isinstance(value, Sequence):
        return sum(getsizeof(each) + _inside(each) for each in value)
    return 0
