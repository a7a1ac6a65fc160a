"""`DroppingTracer` decides as the SDK does, and its spans look the same."""

import random

import pytest
from opentelemetry.context import Context
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import Decision, TraceIdRatioBased
from opentelemetry.trace import NonRecordingSpan, SpanContext, SpanKind, TraceFlags, set_span_in_context

from firstlight import Settings
from firstlight.traces.propagation import NO_PARENT
from firstlight.traces.sampling import DroppingTracer, TraceIds, kept, sampler

DRAWS = 2000


def dropping(settings: Settings) -> DroppingTracer:
    """The tracer of a service with these settings."""
    ids = TraceIds()
    provider = TracerProvider(sampler(settings), shutdown_on_exit=False, id_generator=ids)
    return DroppingTracer(provider.get_tracer("test"), ids, kept(settings))


def ratio(value: float, settings: Settings) -> Settings:
    """Settings that keep this ratio."""
    return settings.model_copy(update={"otel_traces_sampler_arg": value})


@pytest.mark.parametrize("value", [0.0, 0.1, 0.5, 1.0])
def test_the_decision_is_the_sdks_own(settings: Settings, value: float) -> None:
    """For every trace id, so that services with the same ratio keep the same traces."""
    tracer, rule = dropping(ratio(value, settings)), TraceIdRatioBased(value)
    for _ in range(DRAWS):
        span = tracer.start_span("GET", NO_PARENT, SpanKind.SERVER)
        context = span.get_span_context()
        expected = rule.should_sample(None, context.trace_id, "GET").decision is Decision.RECORD_AND_SAMPLE
        assert span.is_recording() is context.trace_flags.sampled is expected


def test_the_ratio_is_kept(settings: Settings) -> None:
    """Within six standard deviations."""
    tracer = dropping(ratio(0.5, settings))
    recording = sum(tracer.start_span("GET", NO_PARENT, SpanKind.SERVER).is_recording() for _ in range(DRAWS))
    assert abs(recording - DRAWS / 2) < 6 * (DRAWS / 4) ** 0.5


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("always_on", 1.0),
        ("always_off", 0.0),
        ("traceidratio", 0.25),
        ("parentbased_always_on", 1.0),
        ("parentbased_always_off", 0.0),
        ("parentbased_traceidratio", 0.25),
    ],
)
def test_each_standard_sampler_keeps_its_ratio(settings: Settings, name: str, expected: float) -> None:
    """The argument counts only where the sampler has one."""
    settings = settings.model_copy(update={"otel_traces_sampler": name, "otel_traces_sampler_arg": 0.25})
    assert kept(settings) == expected


def test_a_span_that_is_not_kept_has_ids_of_its_own(settings: Settings) -> None:
    """Log lines carry them, and the flag tells dependencies not to keep the trace."""
    tracer = dropping(ratio(0, settings))
    spans = [tracer.start_span("GET", NO_PARENT, SpanKind.SERVER).get_span_context() for _ in range(DRAWS)]
    assert len({span.trace_id for span in spans}) == len({span.span_id for span in spans}) == DRAWS
    assert all(span.is_valid and not span.is_remote and span.trace_flags.random_trace_id for span in spans)


def test_the_sdk_decides_on_a_trace_with_a_parent(settings: Settings) -> None:
    """The trace goes on, as the parent's flag says."""
    tracer = dropping(ratio(0, settings.model_copy(update={"trust_remote_parent": True})))
    parent = SpanContext(7, 8, is_remote=True, trace_flags=TraceFlags(TraceFlags.SAMPLED))
    span = tracer.start_span("GET", set_span_in_context(NonRecordingSpan(parent), Context()), SpanKind.SERVER)
    assert span.is_recording()
    assert span.get_span_context().trace_id == parent.trace_id


def test_a_drawn_id_is_used_once(settings: Settings) -> None:
    """Otherwise two traces would become one."""
    tracer = dropping(ratio(1, settings))
    first, second = (tracer.start_span("GET", NO_PARENT, SpanKind.SERVER).get_span_context() for _ in range(2))
    child = tracer.start_span("child", Context(), SpanKind.INTERNAL).get_span_context()
    assert len({first.trace_id, second.trace_id, child.trace_id}) == 3


def test_the_limit_is_the_first_id_that_is_not_kept(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> None:
    """As for the SDK's sampler."""
    tracer = dropping(ratio(0.5, settings))
    for trace_id, recording in ((2**63 - 1, True), (2**63, False)):
        monkeypatch.setattr(random, "getrandbits", lambda _, trace_id=trace_id: trace_id)
        assert tracer.start_span("GET", NO_PARENT, SpanKind.SERVER).is_recording() is recording
