"""`traceparent` and `tracestate` by W3C Trace Context level 2.

The stock propagator accepts the first of several `traceparent` headers, and logs lines about headers that clients send.
"""

import re
from collections.abc import Sequence

from opentelemetry.context import Context
from opentelemetry.propagators.textmap import (
    CarrierT,
    Getter,
    Setter,
    TextMapPropagator,
    default_getter,
    default_setter,
)
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, get_current_span, set_span_in_context

from .trace_state import Level2TraceState

TRACEPARENT, TRACESTATE = "traceparent", "tracestate"
LONGEST = 512  # of a future version, which may have more fields
KNOWN_FLAGS = TraceFlags.SAMPLED | TraceFlags.RANDOM_TRACE_ID  # the others are not sent on
_FIELDS = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")


class TraceContext(TextMapPropagator):
    """Continues a trace only from exactly one valid `traceparent`."""

    def extract(
        self, carrier: CarrierT, context: Context | None = None, getter: Getter[CarrierT] = default_getter
    ) -> Context:
        """The context of the caller, or `context` unchanged where the headers are invalid."""
        context = Context() if context is None else context
        identified = _identified(getter.get(carrier, TRACEPARENT) or ())
        if identified is None:
            return context
        lines = getter.get(carrier, TRACESTATE)
        parent = SpanContext(
            *identified[:2],
            is_remote=True,
            trace_flags=identified[2],
            trace_state=Level2TraceState.from_header(lines) if lines else None,
        )
        return set_span_in_context(NonRecordingSpan(parent), context)

    def inject(
        self, carrier: CarrierT, context: Context | None = None, setter: Setter[CarrierT] = default_setter
    ) -> None:
        """Write the headers of the current span, if there is one."""
        current = get_current_span(context).get_span_context()
        if not current.is_valid:
            return
        flags = current.trace_flags & KNOWN_FLAGS
        setter.set(carrier, TRACEPARENT, f"00-{current.trace_id:032x}-{current.span_id:016x}-{flags:02x}")
        if current.trace_state:
            setter.set(carrier, TRACESTATE, current.trace_state.to_header())

    @property
    def fields(self) -> set[str]:
        """The headers that `inject` may write."""
        return {TRACEPARENT, TRACESTATE}


def _identified(lines: Sequence[str]) -> tuple[int, int, TraceFlags] | None:
    """Trace id, span id and flags of the caller. Of a future version, the fields of version 00 are read."""
    if len(lines) != 1 or len(lines[0]) > LONGEST:
        return None
    fields = _FIELDS.fullmatch(lines[0].strip(" \t"))
    if fields is None:
        return None
    version, trace_id, span_id, flags, more = fields.groups()
    if version == "ff" or (version == "00" and more is not None):
        return None
    ids = int(trace_id, 16), int(span_id, 16)
    return (*ids, TraceFlags(int(flags, 16) & KNOWN_FLAGS)) if all(ids) else None
