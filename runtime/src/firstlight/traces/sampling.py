"""Which traces are kept: the standard samplers, and a short way for the requests that they would drop."""

import random
from collections.abc import Callable, Mapping
from typing import Protocol

from opentelemetry.context import Context
from opentelemetry.sdk.trace import sampling
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.trace import NonRecordingSpan, Span, SpanContext, SpanKind, TraceFlags

from ..settings import Settings
from .edge import EdgeSampler
from .propagation import NO_PARENT

# A root sampler for each standard name; `parentbased_` wraps the same three.
_ROOTS: Mapping[str, Callable[[float], sampling.Sampler]] = {
    "always_on": lambda _: sampling.ALWAYS_ON,
    "always_off": lambda _: sampling.ALWAYS_OFF,
    "traceidratio": sampling.TraceIdRatioBased,
}
_PARENT_BASED = "parentbased_"
_NOT_SAMPLED = TraceFlags(TraceFlags.RANDOM_TRACE_ID)


def sampler(settings: Settings) -> sampling.Sampler:
    """The sampler named by `OTEL_TRACES_SAMPLER`.

    A parent-based one obeys the caller's sampled flag, so anyone could order full sampling or none: unless
    `TRUST_REMOTE_PARENT` is set, a remote parent gives the trace its id and the decision stays here.
    """
    name = settings.otel_traces_sampler
    root = _ROOTS[name.removeprefix(_PARENT_BASED)](settings.otel_traces_sampler_arg)
    if not name.startswith(_PARENT_BASED):
        return root
    if settings.trust_remote_parent:
        return sampling.ParentBased(root)
    edge = EdgeSampler(root, kept(settings))
    return sampling.ParentBased(root, remote_parent_sampled=edge, remote_parent_not_sampled=edge)


def kept(settings: Settings) -> float:
    """The ratio of the traces that begin here which `sampler` keeps."""
    root = settings.otel_traces_sampler.removeprefix(_PARENT_BASED)
    return {"always_on": 1.0, "always_off": 0.0}.get(root, settings.otel_traces_sampler_arg)


class TraceIds(RandomIdGenerator):
    """Random trace ids; `following` is the next one, where somebody has drawn it already."""

    following: int | None = None

    def generate_trace_id(self) -> int:
        """A trace id."""
        drawn, self.following = self.following, None
        return drawn or super().generate_trace_id()


class Starter(Protocol):
    """What the data plane needs of a tracer, and every tracer has."""

    def start_span(self, name: str, context: Context | None = None, kind: SpanKind = SpanKind.INTERNAL) -> Span:
        """Start a span without making it the current one."""


class DroppingTracer:
    """Drops unsampled root traces before they reach the SDK, by the SDK's own rule on the same id.

    The SDK spends as much on such a span as bare Starlette spends on a third of a request.
    """

    def __init__(self, tracer: Starter, ids: TraceIds, ratio: float) -> None:
        """Keep `ratio` of the traces that begin here, with `tracer`."""
        self._tracer = tracer
        self._ids = ids
        self._limit = sampling.TraceIdRatioBased.get_bound_for_rate(ratio)

    def start_span(self, name: str, context: Context | None = None, kind: SpanKind = SpanKind.INTERNAL) -> Span:
        """A span of a new trace, or whatever the SDK makes of a parent."""
        if context is NO_PARENT:
            trace_id = random.getrandbits(128)
            if trace_id & sampling.TraceIdRatioBased.TRACE_ID_LIMIT >= self._limit:
                span = SpanContext(trace_id, random.getrandbits(64), is_remote=False, trace_flags=_NOT_SAMPLED)
                return NonRecordingSpan(span)
            self._ids.following = trace_id
        return self._tracer.start_span(name, context, kind)
