"""The standard samplers, which never keep the spans of health checks."""

from collections.abc import Callable, Mapping, Sequence

from opentelemetry.context import Context
from opentelemetry.sdk.trace import sampling
from opentelemetry.trace import Link, SpanKind, TraceState
from opentelemetry.util.types import Attributes

from ..context import UNOBSERVED
from ..settings import Settings
from .edge import EdgeLimit, EdgeSampler

# A root sampler for each standard name; `parentbased_` wraps the same three.
_ROOTS: Mapping[str, Callable[[float], sampling.Sampler]] = {
    "always_on": lambda _: sampling.ALWAYS_ON,
    "always_off": lambda _: sampling.ALWAYS_OFF,
    "traceidratio": sampling.TraceIdRatioBased,
}
_PARENT_BASED = "parentbased_"


def sampler(settings: Settings) -> sampling.Sampler:
    """The sampler named by `OTEL_TRACES_SAMPLER`.

    A parent-based one obeys the caller's sampled flag, so anyone could order full sampling or none: unless
    `TRUST_REMOTE_PARENT` is set, a remote parent gives the trace its id and the decision stays here.
    """
    return ObservedOnly(_standard(settings))


def _standard(settings: Settings) -> sampling.Sampler:
    name = settings.otel_traces_sampler
    root = _ROOTS[name.removeprefix(_PARENT_BASED)](settings.otel_traces_sampler_arg)
    if not name.startswith(_PARENT_BASED):
        return root
    if settings.trust_remote_parent:
        return sampling.ParentBased(root)
    remote = EdgeSampler(root, kept(settings))
    return sampling.ParentBased(root, remote_parent_sampled=remote, remote_parent_not_sampled=remote)


def follows_callers(settings: Settings) -> bool:
    """Whether a caller's sampled flag decides."""
    return settings.otel_traces_sampler.startswith(_PARENT_BASED) and settings.trust_remote_parent


def edge(settings: Settings) -> EdgeLimit | None:
    """The limit on the traces of untrusted callers. None where the settings need no limit."""
    limited = settings.otel_traces_sampler.startswith(_PARENT_BASED) and not settings.trust_remote_parent
    return EdgeLimit(kept(settings)) if limited else None


def kept(settings: Settings) -> float:
    """The part of the traces that begin in this process which `sampler` keeps, between 0 and 1."""
    root = settings.otel_traces_sampler.removeprefix(_PARENT_BASED)
    return {"always_on": 1.0, "always_off": 0.0}.get(root, settings.otel_traces_sampler_arg)


class ObservedOnly(sampling.Sampler):
    """Drops the spans of health checks. Another sampler decides about the rest."""

    def __init__(self, sampler: sampling.Sampler) -> None:
        """`sampler` decides about all spans that belong to no health check."""
        self._sampler = sampler

    def should_sample(  # noqa: PLR0913, PLR0917 - the interface of samplers
        self,
        parent_context: Context | None,
        trace_id: int,
        name: str,
        kind: SpanKind | None = None,
        attributes: Attributes = None,
        links: Sequence[Link] | None = None,
        trace_state: TraceState | None = None,
    ) -> sampling.SamplingResult:
        """Drop a span of a health check. For other spans, ask the other sampler."""
        if UNOBSERVED.get():
            return sampling.SamplingResult(sampling.Decision.DROP)
        return self._sampler.should_sample(parent_context, trace_id, name, kind, attributes, links, trace_state)

    def get_description(self) -> str:
        """The description of the other sampler."""
        return self._sampler.get_description()
