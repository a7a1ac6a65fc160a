"""OpenTelemetry traces: made when the process starts serving, flushed before it ends, exported only where told to."""

from opentelemetry import trace
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import TracerProvider

from ..settings import Settings
from .exporting import SpanQueue
from .sampling import FrugalTracer, Starter, TraceIds, kept, sampler


class Tracing:
    """The tracer provider of this process and the queue behind it."""

    def __init__(self, settings: Settings) -> None:
        """Start the provider, and the exporter where an endpoint is configured."""
        self._queue = _queue(settings) if settings.exports_traces else None
        ids = TraceIds()
        self.provider = TracerProvider(sampler(settings), resource(settings), shutdown_on_exit=False, id_generator=ids)
        if self._queue is not None:
            self.provider.add_span_processor(self._queue)
        if isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider):  # it can be set only once
            trace.set_tracer_provider(self.provider)
        self.tracer: Starter = self.provider.get_tracer(settings.otel_service_name, settings.version)
        if not settings.otel_sdk_disabled:
            self.tracer = FrugalTracer(self.tracer, ids, kept(settings))

    def stop(self, timeout: float) -> bool:
        """Export what is queued, for at most `timeout` seconds. False: some of it was lost, and counted."""
        return self._queue is None or self._queue.stop(timeout)


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
