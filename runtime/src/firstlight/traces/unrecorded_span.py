"""The span of a request that is not recorded: the ids that logs and called services use.

Most requests need only the ids as text, so the API's object for them is created when it is first read.
"""

from opentelemetry.trace import NonRecordingSpan, Span, SpanContext, TraceFlags

SPAN_ID_BITS, IDS_BITS = 64, 128 + 64
SPAN_ID = (1 << SPAN_ID_BITS) - 1
TRACE_DIGITS = 32


class UnrecordedSpan(NonRecordingSpan):
    """A span of a new trace, which is not recorded here."""

    def __init__(self, ids: int, flags: TraceFlags) -> None:
        """`ids` is the trace id (128 bits) followed by the span id (64 bits), both valid."""
        self._ids, self._flags = ids, flags
        self._made: SpanContext | None = None

    def hex_ids(self) -> tuple[str, str]:
        """Trace id and span id, as 32 and 16 hexadecimal digits."""
        digits = self._ids.to_bytes(IDS_BITS // 8, "big").hex()
        return digits[:TRACE_DIGITS], digits[TRACE_DIGITS:]

    def get_span_context(self) -> SpanContext:
        """Its ids and flags. Calls from two threads at once may get equal objects instead of the same one."""
        if self._made is None:
            trace_id, span_id = self._ids >> SPAN_ID_BITS, self._ids & SPAN_ID
            self._made = SpanContext(trace_id, span_id, is_remote=False, trace_flags=self._flags)
        return self._made

    def __repr__(self) -> str:
        """The text that the API's own span has."""
        return f"{type(self).__name__}({self.get_span_context()!r})"


def hex_ids(span: Span) -> tuple[str, str]:
    """Trace id and span id, as 32 and 16 hexadecimal digits. Empty texts for a span without ids."""
    if type(span) is UnrecordedSpan:
        return span.hex_ids()
    context = span.get_span_context()
    return (f"{context.trace_id:032x}", f"{context.span_id:016x}") if context.is_valid else ("", "")
