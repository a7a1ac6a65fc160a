"""A tracer provider that records nothing while nobody reads it: neither an exporter nor any other span processor."""

from typing import Any

from opentelemetry import trace
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace import Tracer as SdkTracer
from opentelemetry.trace import NonRecordingSpan, Span, Tracer, get_current_span


class ConsumedProvider(TracerProvider):
    """The SDK's provider, which also knows whether it has a span processor."""

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        """As the SDK's."""
        super().__init__(*arguments, **keywords)
        self.consumers = 0

    @property
    def consumed(self) -> bool:
        """Whether anybody reads what is recorded."""
        return self.consumers > 0

    def add_span_processor(self, span_processor: SpanProcessor) -> None:
        """From now on spans are recorded."""
        super().add_span_processor(span_processor)
        self.consumers += 1

    def get_tracer(self, *arguments: Any, **keywords: Any) -> Tracer:
        """The SDK's tracer; one that asks at each span where there is no consumer yet."""
        tracer = super().get_tracer(*arguments, **keywords)
        return tracer if self.consumed else _AskingTracer(self, tracer)


class _AskingTracer(Tracer):
    def __init__(self, provider: ConsumedProvider, tracer: Tracer) -> None:
        self._provider = provider
        self._tracer = tracer

    def start_span(self, name: str, context: Any = None, *arguments: Any, **keywords: Any) -> Span:
        """A span of the SDK, or the one that is the current one already: calls and logs go on with its ids."""
        if self._provider.consumed:
            return self._tracer.start_span(name, context, *arguments, **keywords)
        return NonRecordingSpan(get_current_span(context).get_span_context())

    start_as_current_span = SdkTracer.start_as_current_span  # it calls `start_span`


def are_there() -> bool:
    """Whether the process's own provider has a consumer. One that is not ours is taken to have one."""
    return bool(getattr(trace.get_tracer_provider(), "consumed", True))
