"""The tracer provider: what is sampled is exported where an endpoint is configured, and flushed at the end."""

import logging
from collections.abc import Sequence
from typing import Any

from opentelemetry import trace
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import SpanLimits, SpanProcessor, SynchronousMultiSpanProcessor, TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_ON

from ..identity import Identity
from ..settings import Settings
from . import propagation
from .consumers import ConsumedProvider
from .queue import MAX_BYTES, SpanQueue
from .request_tracer import NoTracer, RequestTracer, Starter, TraceIds
from .sampling import follows_callers, kept, sampler

VALUE_CHARACTERS = 2048  # of an attribute of a span
EVENT_CHARACTERS = 16_384  # of an attribute of an event or a link: room for a traceback


class Tracing:
    """The tracer provider of this process and the queue behind it."""

    def __init__(
        self,
        settings: Settings,
        identity: Identity,
        processors: Sequence[SpanProcessor] = (),
        max_bytes: int = MAX_BYTES,
    ) -> None:
        """Export where an endpoint is configured; `processors` get the spans as well. Without both none is recorded.

        `max_bytes` limits the memory of finished spans that have not been exported.
        """
        self.propagator = propagation.install(settings)
        self._queue = _queue(settings, max_bytes) if settings.exports_traces else None
        ids = TraceIds()
        shared: dict[str, Any] = {
            "resource": resource(settings, identity),
            "shutdown_on_exit": False,
            "active_span_processor": SynchronousMultiSpanProcessor(),  # type: ignore[no-untyped-call]
            "id_generator": ids,
            "span_limits": limits(),
        }
        self.provider = ConsumedProvider(sampler(settings), **shared)
        for_requests = TracerProvider(ALWAYS_ON, **shared)  # they are sampled before the SDK is asked
        for processor in (*processors, *([self._queue] if self._queue else [])):
            self.provider.add_span_processor(processor)
        if isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider):  # it can be set only once
            trace.set_tracer_provider(self.provider)
        self.tracer: Starter = NoTracer()
        if not settings.otel_sdk_disabled:
            tracer = for_requests.get_tracer(identity.name, identity.version)
            ratio, follows = kept(settings), follows_callers(settings)
            self.tracer = RequestTracer(tracer, ids, self.provider, ratio=ratio, follows=follows)

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


def limits() -> SpanLimits:
    """The standard variables' limits, and a length for values where none is set: clients choose some of them."""
    # The SDK writes a line for each value that it cuts.
    logging.getLogger("opentelemetry.attributes").setLevel(logging.ERROR)
    stated = SpanLimits()
    if stated.max_span_attribute_length is None:
        stated.max_span_attribute_length = VALUE_CHARACTERS
    if stated.max_attribute_length is None:
        stated.max_attribute_length = EVENT_CHARACTERS
    return stated


def _queue(settings: Settings, max_bytes: int) -> SpanQueue:
    from .destination import Destination  # noqa: PLC0415 - these take time to import, and only here they are used
    from .exporter import OtlpExporter  # noqa: PLC0415

    return SpanQueue(OtlpExporter(Destination.of(settings)), settings, max_bytes)
