"""OpenTelemetry traces: made when the process starts serving, flushed before it ends, exported only where told to."""

from opentelemetry import trace
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import TracerProvider, sampling
from opentelemetry.sdk.trace.sampling import Sampler

from ..settings import Settings
from .exporting import SpanQueue

# A root sampler for each standard name; `parentbased_` wraps the same three.
_ROOTS = {
    "always_on": lambda _: sampling.ALWAYS_ON,
    "always_off": lambda _: sampling.ALWAYS_OFF,
    "traceidratio": sampling.TraceIdRatioBased,
}


class Tracing:
    """The tracer provider of this process and the queue behind it."""

    def __init__(self, settings: Settings) -> None:
        """Start the provider, and the exporter where an endpoint is configured."""
        self._queue = _queue(settings) if settings.exports_traces else None
        self.provider = TracerProvider(sampler=sampler(settings), resource=resource(settings), shutdown_on_exit=False)
        if self._queue is not None:
            self.provider.add_span_processor(self._queue)
        if isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider):  # it can be set only once
            trace.set_tracer_provider(self.provider)
        self.tracer = self.provider.get_tracer(settings.otel_service_name, settings.version)

    def stop(self, timeout: float) -> bool:
        """Export what is queued, for at most `timeout` seconds. False: some of it was lost, and counted."""
        return self._queue is None or self._queue.stop(timeout)


def sampler(settings: Settings) -> Sampler:
    """The sampler named by `OTEL_TRACES_SAMPLER`.

    A parent-based one obeys the caller's sampled flag, so on a public edge anyone could order full sampling or none:
    with `TRUST_REMOTE_PARENT=false` a remote parent gives the trace its id and the decision stays here.
    """
    name = settings.otel_traces_sampler
    root = _ROOTS[name.removeprefix("parentbased_")](settings.otel_traces_sampler_arg)
    if not name.startswith("parentbased_"):
        return root
    if settings.trust_remote_parent:
        return sampling.ParentBased(root)
    return sampling.ParentBased(root, remote_parent_sampled=root, remote_parent_not_sampled=root)


def resource(settings: Settings) -> Resource:
    """Resource attributes by semantic convention; `OTEL_RESOURCE_ATTRIBUTES` adds to them and may override them."""
    ours = {
        "service.name": settings.otel_service_name,
        "service.version": settings.version,
        "deployment.environment.name": settings.environment,
    }
    return Resource.create(ours).merge(OTELResourceDetector().detect())


def _queue(settings: Settings) -> SpanQueue:
    from .encoding import RememberingExporter  # noqa: PLC0415 - a third of a second, only where it is used

    return SpanQueue(RememberingExporter(), settings)
