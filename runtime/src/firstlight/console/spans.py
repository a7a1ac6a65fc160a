"""The finished spans of this process, by trace. They are made readable when somebody asks for them."""

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from sys import getsizeof
from typing import Any, NamedTuple

import orjson
from opentelemetry.context import Context
from opentelemetry.sdk.trace import ReadableSpan, Span
from opentelemetry.trace import SpanContext, SpanKind

from ..compact import compact
from ..logs.redaction import redact, redact_text
from ..logs.values import plain
from ..traces.attributes import Groups, SharedAttributes
from ..traces.request_span import SpanWatch
from .matching import OF_ONE_TRACE
from .rings import MOST_WAITING, Ring

NUMBER = 6_000
MAX_BYTES = 2_228_224

Event = tuple[str, int, Mapping[str, Any]]


class Recorded(NamedTuple):
    """One finished span. Ids are hexadecimal digits, times are nanoseconds since the epoch."""

    trace_id: str
    span_id: str
    parent_id: str
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
            "span_id": self.span_id,
            "parent_id": self.parent_id or None,
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
    """The ring of spans, as JSON. Those of requests come from the data plane, all others from the SDK.

    The span of a request waits until several are written together: between two requests the code for it leaves the
    caches of the processor, and a span that is written alone takes eight times as long.
    """

    def __init__(self) -> None:
        """No span yet."""
        self._ring: Ring[bytes] = Ring(NUMBER, MAX_BYTES)
        self._waiting: deque[tuple[Any, ...]] = deque()

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Do nothing: spans are added when they end."""

    def on_end(self, span: ReadableSpan) -> None:
        """Add a span of the SDK."""
        context, parent = span.context, span.parent
        if context is None:
            return
        events = [(event.name, event.timestamp, dict(event.attributes or {})) for event in span.events]
        times, status = (span.start_time or 0, span.end_time or 0), span.status.status_code.name.lower()
        attributes = dict(span.attributes or {})
        self._add((*_ids(context, parent), span.name, span.kind.name.lower(), *times, status), (attributes,), events)

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
        self._waiting.append((context, parent, name, times, status, groups))
        if len(self._waiting) >= MOST_WAITING:
            self.write()

    def write(self) -> None:
        """Write the spans that wait. Every thread may call it."""
        while self._waiting:
            with suppress(IndexError):  # another thread has written the last one
                context, parent, name, times, status, groups = self._waiting.popleft()
                self._add((*_ids(context, parent), name, _SERVER, *times, status), groups)

    @property
    def ring(self) -> Ring[bytes]:
        """The ring, with all spans that have ended."""
        self.write()
        return self._ring

    def of_trace(self, trace_id: str) -> Sequence[Recorded]:
        """The spans of a trace in the order of their start."""
        wanted = trace_id.encode()
        entries = [entry.item for entry in self.ring.entries() if wanted in entry.item]
        found = [span for span in map(_recorded, entries) if span.trace_id == trace_id]
        return sorted(found[-OF_ONE_TRACE:], key=lambda each: each.start)

    def recorded(self) -> Iterator[tuple[int, Recorded]]:
        """All spans with their numbers, the oldest first."""
        return ((entry.seq, _recorded(entry.item)) for entry in self.ring.entries())

    def kept(self) -> Iterator[list[Any]]:
        """All spans, for the process after a reload."""
        for seq, span in self.recorded():
            events = [[name, at, redact(attributes)] for name, at, attributes in span.events]
            yield [seq, *span[:3], redact_text(span.name), *span[4:8], [span.attributes], events]

    def _add(self, first: tuple[Any, ...], groups: Sequence[Mapping[str, Any]], events: Sequence[Event] = ()) -> None:
        try:
            item = compact(orjson.dumps((*first, [*map(_json, groups)], events), default=repr))
        except orjson.JSONEncodeError:  # integers of more than 64 bits, text that is not valid
            item = compact(orjson.dumps(plain([*first, groups, events])))
        self._ring.append(item, getsizeof(item))


_SERVER = SpanKind.SERVER.name.lower()


def _recorded(item: bytes) -> Recorded:
    return Recorded(*orjson.loads(item))


def _ids(context: SpanContext, parent: SpanContext | None) -> tuple[str, str, str]:
    return f"{context.trace_id:032x}", f"{context.span_id:016x}", f"{parent.span_id:016x}" if parent else ""


def _json(group: Mapping[str, Any]) -> Any:
    """The group, or for one that many spans share its JSON."""
    if not isinstance(group, SharedAttributes):
        return group
    group.json = group.json or compact(orjson.dumps(group))
    return orjson.Fragment(group.json)
