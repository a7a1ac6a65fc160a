"""The tracer provider: what is sampled is exported where an endpoint is configured, and flushed at the end."""

import logging
from collections.abc import Sequence
from typing import Any

from opentelemetry import trace
from opentelemetry.metrics import NoOpMeterProvider
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanLimits, SpanProcessor, SynchronousMultiSpanProcessor, TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from ..identity import ENVIRONMENT_NAME, INSTANCE_ID, SERVICE_NAME, SERVICE_VERSION, Identity
from ..settings import Settings
from . import propagation
from .consumers import ConsumedProvider
from .ids import TraceIds
from .queue import MAX_BYTES, SpanQueue
from .request_span import Queue, Recording, SpanWatch
from .request_tracer import NoTracer, RequestTracer, Rule, Starter
from .sampling import edge, follows_callers, kept, sampler
from .sdk import DISABLED, without_variables

FEWEST_ATTRIBUTES = 64  # the data plane sets fewer
VALUE_CHARACTERS = 2048  # of an attribute of a span
EVENT_CHARACTERS = 16_384  # of an attribute of an event or a link: large enough for a traceback


class Tracing:
    """The tracer provider of this process and the queue behind it."""

    def __init__(
        self,
        settings: Settings,
        identity: Identity,
        processors: Sequence[SpanProcessor] = (),
        max_bytes: int = MAX_BYTES,
        watch: SpanWatch | None = None,
    ) -> None:
        """Export where an endpoint is configured; `processors` and `watch` get the spans as well.

        Without any of them none is recorded.

        `max_bytes` limits the memory of finished spans that have not been exported.
        """
        self.propagator = propagation.install(settings)
        self._queue, self._watch = _queue(settings, max_bytes) if settings.exports("traces") else None, watch
        consumers = [each for each in (*processors, self._queue, watch) if each is not None]
        ids = TraceIds()
        shared: dict[str, Any] = {
            "resource": resource(settings, identity),
            "shutdown_on_exit": False,
            "active_span_processor": SynchronousMultiSpanProcessor(),  # type: ignore[no-untyped-call]
            "id_generator": ids,
            "span_limits": limits(settings),
            "meter_provider": NoOpMeterProvider(),
        }
        with without_variables(**{DISABLED: str(settings.otel_sdk_disabled).lower()}):
            self.provider = ConsumedProvider(sampler(settings), **shared)
            for_requests = TracerProvider(ALWAYS_ON, **shared)  # they are sampled before the SDK is asked
            if isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider):  # it can be set only once
                trace.set_tracer_provider(self.provider)
        for consumer in consumers:
            self.provider.add_span_processor(consumer)
        self.tracer: Starter = NoTracer()
        if not settings.otel_sdk_disabled:
            self.tracer = self._tracer(settings, identity, for_requests, ids)

    def stop(self, timeout: float) -> bool:
        """Export what is queued, for at most `timeout` seconds. False: some of it was lost, and counted."""
        return self._queue is None or self._queue.stop(timeout)

    def _tracer(self, settings: Settings, identity: Identity, provider: TracerProvider, ids: TraceIds) -> RequestTracer:
        tracer = provider.get_tracer(identity.name, identity.version)
        rule = Rule(kept(settings), follows_callers(settings), edge(settings))
        recording = None
        if (self._queue or self._watch) and not _are_stated(limits(settings)):
            scope = InstrumentationScope(identity.name, identity.version)
            recording = Recording(tracer, ids, _encoded(self._queue, provider.resource, scope), self._watch)
        return RequestTracer(tracer, ids, self.provider, rule, recording)


def _encoded(queue: SpanQueue | None, of: Resource, scope: InstrumentationScope) -> Queue | None:
    if queue is None:
        return None
    from .encoding import encoded  # noqa: PLC0415 - it takes time to import, and only here it is used

    return Queue(encoded, queue.put, of, scope)


def _are_stated(stated: SpanLimits) -> bool:
    """Whether a limit was set that only the SDK applies, so that spans of requests must be SDK spans."""
    length = stated.max_span_attribute_length or 0
    return (stated.max_span_attributes or 0) < FEWEST_ATTRIBUTES or length < VALUE_CHARACTERS


def resource(settings: Settings, identity: Identity) -> Resource:
    """Resource attributes by semantic convention, those of `OTEL_RESOURCE_ATTRIBUTES` among them.

    Logs and metrics have the same values: see `Identity.within` and `Settings.environment`.
    """
    identity = identity.within(settings.service_name, settings.resource_attributes)
    ours = {
        SERVICE_NAME: identity.name,
        SERVICE_VERSION: identity.version,
        INSTANCE_ID: identity.instance,
        ENVIRONMENT_NAME: settings.environment,
    }
    with without_variables():
        return Resource.create({**settings.resource_attributes, **ours})


def limits(settings: Settings) -> SpanLimits:
    """The standard variables' limits, and a length for values where none is set: clients choose some of them."""
    # The SDK writes a line for each value that it cuts.
    logging.getLogger("opentelemetry.attributes").setLevel(logging.ERROR)
    count, length = settings.otel_attribute_count_limit, settings.otel_attribute_value_length_limit
    return SpanLimits(
        max_attributes=count,
        max_events=settings.otel_span_event_count_limit,
        max_links=settings.otel_span_link_count_limit,
        max_span_attributes=_first(settings.otel_span_attribute_count_limit, count),
        max_event_attributes=_first(settings.otel_event_attribute_count_limit, count),
        max_link_attributes=_first(settings.otel_link_attribute_count_limit, count),
        max_attribute_length=_first(length, EVENT_CHARACTERS),
        max_span_attribute_length=_first(settings.otel_span_attribute_value_length_limit, length, VALUE_CHARACTERS),
    )


def _first(*limits: int | None) -> int:
    return next(limit for limit in limits if limit is not None)


def _queue(settings: Settings, max_bytes: int) -> SpanQueue:
    from ..otlp.destination import Destination  # noqa: PLC0415 - these take time to import, and only here they are used
    from .exporter import OtlpExporter  # noqa: PLC0415

    return SpanQueue(OtlpExporter(Destination.of(settings)), settings, max_bytes)
