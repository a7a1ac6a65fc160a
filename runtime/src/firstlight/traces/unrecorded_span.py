"""The span of a request that is not recorded: two ids, as logs and callees see them.

Most requests end without anybody asking for more, so the SDK's object for them is made for those who do.
"""

from opentelemetry.trace import NonRecordingSpan, Span, SpanContext, TraceFlags

Hex = tuple[str, str]


class UnrecordedSpan(NonRecordingSpan):
    """A span of a new trace, which is not recorded here."""

    def __init__(self, trace_id: int, span_id: int, flags: TraceFlags) -> None:
        """Both ids are valid."""
        self.trace_id, self.span_id, self._flags = trace_id, span_id, flags
        self._made: SpanContext | None = None

    def get_span_context(self) -> SpanContext:
        """Its ids and flags: always the same object."""
        if self._made is None:
            self._made = SpanContext(self.trace_id, self.span_id, is_remote=False, trace_flags=self._flags)
        return self._made

    def __repr__(self) -> str:
        """As the API's."""
        return f"{type(self).__name__}({self.get_span_context()!r})"


def hex_ids(span: Span) -> Hex:
    """Trace id and span id in 32 and 16 digits; empty texts where the span has none."""
    if type(span) is UnrecordedSpan:
        return f"{span.trace_id:032x}", f"{span.span_id:016x}"
    context = span.get_span_context()
    return (f"{context.trace_id:032x}", f"{context.span_id:016x}") if context.is_valid else ("", "")
