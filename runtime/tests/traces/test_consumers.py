"""Nothing is recorded that nobody reads."""

import asyncio

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import SpanProcessor
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, Tracer, use_span

from firstlight.traces import consumers
from firstlight.traces.consumers import ConsumedProvider

CURRENT = SpanContext(7, 8, is_remote=False, trace_flags=TraceFlags(TraceFlags.SAMPLED))


@pytest.fixture
def provider() -> ConsumedProvider:
    """A provider without a consumer."""
    return ConsumedProvider(shutdown_on_exit=False)


def test_without_a_consumer_a_span_is_the_one_around_it(provider: ConsumedProvider) -> None:
    """A sampled one too: what is sent to others goes on with its ids."""
    tracer = provider.get_tracer("test")
    with use_span(NonRecordingSpan(CURRENT)):
        assert tracer.start_span("ours").get_span_context() == CURRENT
        with tracer.start_as_current_span("ours") as span:
            assert (span.is_recording(), span.get_span_context()) == (False, CURRENT)
    assert not tracer.start_span("alone").get_span_context().is_valid


def test_a_consumer_may_come_later(provider: ConsumedProvider, spans: InMemorySpanExporter) -> None:
    """A tracer that is there already records from then on, decorators too."""
    tracer = provider.get_tracer("test")

    @tracer.start_as_current_span("plain")
    def plain() -> None:
        """Traced."""

    @tracer.start_as_current_span("coroutine")
    async def coroutine() -> None:
        await asyncio.sleep(0)
        tracer.start_span("inside", attributes={"a": 1}).end()

    plain()
    provider.add_span_processor(SimpleSpanProcessor(spans))
    plain()
    asyncio.run(coroutine())
    finished = spans.get_finished_spans()
    assert [span.name for span in finished] == ["plain", "inside", "coroutine"]
    assert finished[1].parent == finished[2].context


def test_with_a_consumer_a_tracer_is_the_sdks(provider: ConsumedProvider) -> None:
    """Nothing stands between it and the team."""
    provider.add_span_processor(SpanProcessor())
    assert type(provider.get_tracer("test")).__module__ == "opentelemetry.sdk.trace"


def test_a_provider_of_others_has_consumers(provider: ConsumedProvider, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody sets one up without."""
    for other, expected in ((provider, False), (trace.NoOpTracerProvider(), True)):
        monkeypatch.setattr(trace, "get_tracer_provider", lambda other=other: other)
        assert consumers.are_there() is expected
    assert isinstance(provider.get_tracer("test"), Tracer)
