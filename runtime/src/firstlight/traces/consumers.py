"""A tracer provider that records spans only while it has an exporter or another span processor."""

from typing import Any

from opentelemetry import trace
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace import Tracer as SdkTracer
from opentelemetry.trace import NonRecordingSpan, Span, Tracer, get_current_span


class ConsumedProvider(TracerProvider):
    """The SDK's provider, which also knows whether it has a span processor."""

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        """Take the arguments of the SDK's provider."""
        super().__init__(*arguments, **keywords)
        self.consumers = 0

    @property
    def consumed(self) -> bool:
        """Whether a span processor reads the spans."""
        return self.consumers > 0

    def add_span_processor(self, span_processor: SpanProcessor) -> None:
        """Add a consumer. Spans are recorded from now on."""
        super().add_span_processor(span_processor)
        self.consumers += 1

    def get_tracer(self, *arguments: Any, **keywords: Any) -> Tracer:
        """The SDK's tracer. Before the first consumer: a tracer that looks for one at each span."""
        tracer = super().get_tracer(*arguments, **keywords)
        return tracer if self.consumed else _AskingTracer(self, tracer)


class _AskingTracer(Tracer):
    def __init__(self, provider: ConsumedProvider, tracer: Tracer) -> None:
        self._provider = provider
        self._tracer = tracer

    def start_span(self, name: str, context: Any = None, *arguments: Any, **keywords: Any) -> Span:
        """A span of the SDK. Without a consumer: the ids of the current span, for calls and logs."""
        if self._provider.consumed:
            return self._tracer.start_span(name, context, *arguments, **keywords)
        return NonRecordingSpan(get_current_span(context).get_span_context())

    start_as_current_span = SdkTracer.start_as_current_span  # it calls `start_span`


def are_there() -> bool:
    """Whether the process's tracer provider has a consumer. A provider that is not ours counts as having one."""
    return bool(getattr(trace.get_tracer_provider(), "consumed", True))
