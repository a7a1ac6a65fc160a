"""Sampling of traces that come from outside: the service decides, not the caller.

The trace keeps its id, and our own sampler decides by that id. Services with the same ratio therefore keep the same
traces, although none of them trusts another. A caller can choose ids, and so the decision: hence the limit.
"""

from collections.abc import Sequence

from opentelemetry.context import Context
from opentelemetry.sdk.trace.sampling import Decision, Sampler, SamplingResult
from opentelemetry.trace import Link, SpanKind, TraceState
from opentelemetry.util.types import Attributes

TIMES, SLACK = 2, 100  # how far above the ratio ids may be kept: those drawn at random never are
WINDOW = 20_000  # traces; what was before the last few of them counts less and less


class EdgeLimit:
    """Of the traces of callers, no more than twice the ratio are kept, whatever their ids are."""

    def __init__(self, ratio: float) -> None:
        """`ratio` of random ids are kept."""
        self._ratio = ratio
        self._seen = self._kept = 0

    def admits(self, *, sampled: bool) -> bool:
        """Count one trace, which its id would have sampled or not, and say whether it is."""
        self._seen += 1
        admitted = sampled and self._kept < SLACK + TIMES * self._ratio * self._seen
        self._kept += admitted
        if self._seen >= WINDOW:
            self._seen, self._kept = self._seen // 2, self._kept // 2
        return admitted


class EdgeSampler(Sampler):
    """For traces whose parent is remote."""

    def __init__(self, root: Sampler, ratio: float) -> None:
        """Decide as `root`, which keeps `ratio` of random ids."""
        self._root = root
        self._limit = EdgeLimit(ratio)

    def should_sample(  # noqa: PLR0913, PLR0917 - as the SDK calls it
        self,
        parent_context: Context | None,
        trace_id: int,
        name: str,
        kind: SpanKind | None = None,
        attributes: Attributes = None,
        links: Sequence[Link] | None = None,
        trace_state: TraceState | None = None,
    ) -> SamplingResult:
        """The decision of our own sampler, unless too many of the last traces were kept."""
        result = self._root.should_sample(parent_context, trace_id, name, kind, attributes, links, trace_state)
        if self._limit.admits(sampled=result.decision is not Decision.DROP):
            return result
        return SamplingResult(Decision.DROP, trace_state=result.trace_state)

    def get_description(self) -> str:
        """As logs of the SDK name it."""
        return f"EdgeSampler{{{self._root.get_description()}}}"
