"""Random ids for traces and spans, or those that their caller has drawn already."""

import threading

from opentelemetry.sdk.trace.id_generator import RandomIdGenerator


class TraceIds(RandomIdGenerator):
    """What is drawn counts for the next span of the same thread."""

    def __init__(self) -> None:
        """Nothing is drawn yet."""
        self._drawn = threading.local()

    def follow(self, trace_id: int = 0, span_id: int = 0) -> None:
        """The next span that this thread starts has these ids; 0 leaves one open."""
        self._drawn.trace_id, self._drawn.span_id = trace_id, span_id

    def generate_trace_id(self) -> int:
        """A trace id."""
        return self._taken("trace_id") or super().generate_trace_id()

    def generate_span_id(self) -> int:
        """A span id."""
        return self._taken("span_id") or super().generate_span_id()

    def _taken(self, name: str) -> int:
        drawn: int = self._drawn.__dict__.pop(name, 0)
        return drawn
