"""Sampling of traces that come from outside: the service decides, not the caller.

The trace keeps its id, and our own sampler decides by that id. Services with the same ratio therefore keep the same
traces, although none of them trusts another. A caller can choose ids, and so the decision: hence the limit.
"""

from collections.abc import Sequence

from opentelemetry.context import Context
from opentelemetry.sdk.trace.sampling import Decision, Sampler, SamplingResult
from opentelemetry.trace import Link, SpanKind, TraceState
from opentelemetry.util.types import Attributes

TIMES, SLACK = 2, 100  # random ids never exceed this limit
WINDOW = 20_000  # traces, after which all counts are halved, so that old traces weigh less


class EdgeLimit:
    """Keeps at most twice the ratio of the traces that callers began, whatever ids they chose."""

    def __init__(self, ratio: float) -> None:
        """`ratio` is the part of random trace ids that the sampler keeps, between 0 and 1."""
        self._ratio = ratio
        self._seen = self._kept = 0

    def admits(self, *, sampled: bool) -> bool:
        """Whether to keep one more trace. `sampled` is the decision by its id."""
        self._seen += 1
        admitted = sampled and self._kept < SLACK + TIMES * self._ratio * self._seen
        self._kept += admitted
        if self._seen >= WINDOW:
            self._seen, self._kept = self._seen // 2, self._kept // 2
        return admitted


class EdgeSampler(Sampler):
    """The sampler of traces whose parent is remote."""

    def __init__(self, root: Sampler, ratio: float) -> None:
        """Decide by `root`, which keeps `ratio` of random ids, and limit what it keeps."""
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
        """The name that the SDK writes into its logs."""
        return f"EdgeSampler{{{self._root.get_description()}}}"
