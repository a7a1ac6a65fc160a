"""The finished spans of this process, by trace. They are made readable when somebody asks for them."""

from collections.abc import Iterator, Mapping, Sequence
from sys import getsizeof
from typing import Any, NamedTuple

from opentelemetry.context import Context
from opentelemetry.sdk.trace import ReadableSpan, Span
from opentelemetry.trace import SpanContext, SpanKind

from ..logs.redaction import redact, redact_text
from ..traces.attributes import Groups, SharedAttributes
from ..traces.request_span import SpanWatch
from .matching import OF_ONE_TRACE
from .rings import Ring

NUMBER = 6_000
MAX_BYTES = 2_228_224
SPAN_BYTES, ATTRIBUTE_BYTES = 520, 90  # of a span and of an attribute, without their texts

Event = tuple[str, int, Mapping[str, Any]]


class Recorded(NamedTuple):
    """One finished span. Times are nanoseconds since the epoch."""

    trace_id: int
    span_id: int
    parent_id: int
    name: str
    kind: str
    start: int
    end: int
    status: str
    groups: Sequence[Mapping[str, Any]]
    events: Sequence[Event]

    @property
    def attributes(self) -> Mapping[str, Any]:
        """The attributes of all groups, redacted."""
        merged: dict[str, Any] = {}
        for group in self.groups:
            merged.update(group)
        safe: Mapping[str, Any] = redact(merged)
        return safe

    def shown(self, began: int) -> Mapping[str, Any]:
        """As JSON. `began` is the start of its trace."""
        return {
            "name": redact_text(self.name),
            "kind": self.kind,
            "span_id": f"{self.span_id:016x}",
            "parent_id": f"{self.parent_id:016x}" if self.parent_id else None,
            "start_ms": round((self.start - began) / 1e6, 3),
            "ms": round((self.end - self.start) / 1e6, 3),
            "status": self.status,
            "attributes": self.attributes,
            "events": [
                {"name": redact_text(name), "at_ms": round((at - began) / 1e6, 3), "attributes": redact(attributes)}
                for name, at, attributes in self.events
            ],
        }


class Spans(SpanWatch):
    """The ring of spans. Those of requests come from the data plane, all others from the SDK."""

    def __init__(self) -> None:
        """No span yet."""
        self.ring: Ring[Recorded] = Ring(NUMBER, MAX_BYTES)

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Do nothing: spans are added when they end."""

    def on_end(self, span: ReadableSpan) -> None:
        """Add a span of the SDK."""
        context, parent = span.context, span.parent
        if context is None:
            return
        attributes: Mapping[str, Any] = dict(span.attributes or {})
        events = [(event.name, event.timestamp, dict(event.attributes or {})) for event in span.events]
        size = SPAN_BYTES + _size(attributes) + sum(SPAN_BYTES + _size(event[2]) for event in events)
        ids = context.trace_id, context.span_id, parent.span_id if parent else 0
        times, status = (span.start_time or 0, span.end_time or 0), span.status.status_code.name.lower()
        record: Any = (*ids, span.name, span.kind.name.lower(), *times, status, (attributes,), events)
        self.ring.append(record, size + getsizeof(span.name))

    def on_request(  # noqa: PLR0913, PLR0917 - the parts of a span
        self,
        context: SpanContext,
        parent: SpanContext | None,
        name: str,
        times: tuple[int, int],
        status: str,
        groups: Groups,
    ) -> None:
        """Add the span of a request. Many spans share some groups of attributes."""
        ids = context.trace_id, context.span_id, parent.span_id if parent else 0
        record: Any = (*ids, name, _SERVER, *times, status, groups, ())
        size = SPAN_BYTES
        for group in groups:
            size += _shared_size(group) if isinstance(group, SharedAttributes) else _plain_size(group)
        self.ring.append(record, size)

    def of_trace(self, trace_id: str) -> Sequence[Recorded]:
        """The spans of a trace in the order of their start."""
        wanted = int(trace_id, 16)
        found = [entry.item for entry in self.ring.entries() if entry.item[0] == wanted]
        return sorted((Recorded(*each) for each in found[-OF_ONE_TRACE:]), key=lambda each: each.start)

    def recorded(self) -> Iterator[tuple[int, Recorded]]:
        """All spans with their numbers, the oldest first."""
        return ((entry.seq, Recorded(*entry.item)) for entry in self.ring.entries())

    def kept(self) -> Iterator[list[Any]]:
        """All spans, for the process after a reload."""
        for seq, span in self.recorded():
            ids = f"{span.trace_id:x}", f"{span.span_id:x}", f"{span.parent_id:x}"
            events = [[name, at, redact(attributes)] for name, at, attributes in span.events]
            yield [seq, *ids, redact_text(span.name), *span[4:8], [span.attributes], events]


_SERVER = SpanKind.SERVER.name.lower()


def _shared_size(group: SharedAttributes) -> int:
    """Counted in full for each span: in the worst case none shares it."""
    group.held = group.held or _plain_size(group)
    return group.held


def _plain_size(group: Mapping[str, Any]) -> int:
    return ATTRIBUTE_BYTES * (2 + len(group)) + sum(map(getsizeof, group.values()))


def _size(attributes: Mapping[str, Any]) -> int:
    return ATTRIBUTE_BYTES * (2 + len(attributes)) + sum(map(_of_value, attributes.values()))


def _of_value(value: Any) -> int:
    inner = value if isinstance(value, list | tuple) else ()
    return getsizeof(value) + sum(map(getsizeof, inner))
