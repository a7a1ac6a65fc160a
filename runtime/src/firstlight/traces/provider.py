"""The tracer provider: what is sampled is exported where an endpoint is configured, and flushed at the end."""

from collections.abc import Sequence

from opentelemetry import trace
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider

from ..identity import Identity
from ..settings import Settings
from . import propagation
from .queue import SpanQueue
from .sampling import DroppingTracer, Starter, TraceIds, kept, sampler


class Tracing:
    """The tracer provider of this process and the queue behind it."""

    def __init__(self, settings: Settings, identity: Identity, processors: Sequence[SpanProcessor] = ()) -> None:
        """Export where an endpoint is configured; `processors` get the spans as well."""
        self.propagator = propagation.install(settings)
        self._queue = _queue(settings) if settings.exports_traces else None
        ids = TraceIds()
        self.provider = TracerProvider(
            sampler(settings), resource(settings, identity), shutdown_on_exit=False, id_generator=ids
        )
        for processor in (*processors, *([self._queue] if self._queue else [])):
            self.provider.add_span_processor(processor)
        if isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider):  # it can be set only once
            trace.set_tracer_provider(self.provider)
        self.tracer: Starter = self.provider.get_tracer(identity.name, identity.version)
        if not settings.otel_sdk_disabled:
            self.tracer = DroppingTracer(self.tracer, ids, kept(settings))

    def stop(self, timeout: float) -> bool:
        """Export what is queued, for at most `timeout` seconds. False: some of it was lost, and counted."""
        return self._queue is None or self._queue.stop(timeout)


def resource(settings: Settings, identity: Identity) -> Resource:
    """Resource attributes by semantic convention; `OTEL_RESOURCE_ATTRIBUTES` adds to them and may override them."""
    ours = {
        "service.name": identity.name,
        "service.version": identity.version,
        "deployment.environment.name": settings.environment,
    }
    return Resource.create(ours).merge(OTELResourceDetector().detect())


def _queue(settings: Settings) -> SpanQueue:
    from .encoding import RememberingExporter  # noqa: PLC0415 - a third of a second, only where it is used

    return SpanQueue(RememberingExporter(), settings)
