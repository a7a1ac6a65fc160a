"""Random ids for traces and spans, or ids that the data plane chose before it called the SDK."""

import threading

from opentelemetry.sdk.trace.id_generator import RandomIdGenerator


class TraceIds(RandomIdGenerator):
    """An id generator of the SDK. `follow` sets the ids of the next span of the same thread."""

    def __init__(self) -> None:
        """Generate random ids until `follow` is called."""
        self._drawn = threading.local()

    def follow(self, trace_id: int = 0, span_id: int = 0) -> None:
        """Use these ids for the next span that this thread starts. For 0 a random id is generated."""
        self._drawn.trace_id, self._drawn.span_id = trace_id, span_id

    def generate_trace_id(self) -> int:
        """The trace id of the next span, 128 bits."""
        return self._taken("trace_id") or super().generate_trace_id()

    def generate_span_id(self) -> int:
        """The span id of the next span, 64 bits."""
        return self._taken("span_id") or super().generate_span_id()

    def _taken(self, name: str) -> int:
        drawn: int = self._drawn.__dict__.pop(name, 0)
        return drawn
