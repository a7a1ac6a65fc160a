"""Sampling where a trace comes from outside: decided here, and not by the caller.

The trace keeps its id, and the decision is that of our own sampler on it: services with one ratio keep the same traces
although none of them trusts another. A caller can choose its ids, and with them the decision: hence the limit.
"""

from collections.abc import Sequence

from opentelemetry.context import Context
from opentelemetry.sdk.trace.sampling import Decision, Sampler, SamplingResult
from opentelemetry.trace import Link, SpanKind, TraceState
from opentelemetry.util.types import Attributes

TIMES, SLACK = 2, 100  # how far above the ratio ids may be kept: those drawn at random never are
WINDOW = 20_000  # traces; what was before the last few of them counts less and less


class EdgeSampler(Sampler):
    """For traces whose parent is remote. Of many, no more than twice the ratio are kept, whatever their ids are."""

    def __init__(self, root: Sampler, ratio: float) -> None:
        """Decide as `root`, which keeps `ratio` of random ids."""
        self._root = root
        self._ratio = ratio
        self._seen = self._kept = 0

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
        self._seen += 1
        if result.decision is not Decision.DROP:
            if self._kept >= SLACK + TIMES * self._ratio * self._seen:
                return SamplingResult(Decision.DROP, trace_state=result.trace_state)
            self._kept += 1
        if self._seen >= WINDOW:
            self._seen, self._kept = self._seen // 2, self._kept // 2
        return result

    def get_description(self) -> str:
        """As logs of the SDK name it."""
        return f"EdgeSampler{{{self._root.get_description()}}}"
