"""At the edge the sampler decides, and a caller that chooses its ids gets at most twice the ratio."""

import random

import pytest
from opentelemetry.sdk.trace import sampling
from opentelemetry.sdk.trace.sampling import Decision, Sampler
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, set_span_in_context

from firstlight import Settings
from firstlight.traces.edge import SLACK, TIMES, WINDOW, EdgeSampler
from firstlight.traces.propagation import NO_PARENT
from firstlight.traces.sampling import sampler

RATIO = 0.1
TRACES = 5000
KEPT_ID = 1  # the ratio of nothing but 0 keeps it


def kept(rule: Sampler, trace_id: int, flags: int = TraceFlags.SAMPLED) -> bool:
    """Whether the trace of a caller is kept."""
    parent = NonRecordingSpan(SpanContext(trace_id, 1, is_remote=True, trace_flags=TraceFlags(flags)))
    context = set_span_in_context(parent, NO_PARENT)
    return rule.should_sample(context, trace_id, "GET").decision is Decision.RECORD_AND_SAMPLE


@pytest.fixture
def rule(settings: Settings) -> Sampler:
    """The sampler of a service by default, at a tenth."""
    return sampler(settings.model_copy(update={"otel_traces_sampler_arg": RATIO}))


@pytest.mark.parametrize("flags", [TraceFlags.SAMPLED, TraceFlags.DEFAULT])
def test_the_flag_of_a_caller_changes_nothing(rule: Sampler, settings: Settings, flags: int) -> None:
    """And two services with one ratio decide alike."""
    other = sampler(settings.model_copy(update={"otel_traces_sampler_arg": RATIO}))
    ids = [random.getrandbits(128) for _ in range(TRACES)]
    decisions = [kept(rule, each, flags) for each in ids]
    assert abs(sum(decisions) - RATIO * TRACES) < 6 * (TRACES * RATIO * (1 - RATIO)) ** 0.5
    assert decisions == [kept(other, each, TraceFlags.DEFAULT) for each in ids]


def test_chosen_ids_are_limited(rule: Sampler) -> None:
    """A client whose ids every ratio keeps does not decide how much is kept."""
    assert sum(kept(rule, KEPT_ID) for _ in range(TRACES)) <= SLACK + TIMES * RATIO * TRACES


def test_the_past_counts_less_and_less() -> None:
    """Many traces that were dropped long ago are no credit."""
    rule = EdgeSampler(sampling.TraceIdRatioBased(RATIO), RATIO)
    for _ in range(5 * WINDOW):
        rule.should_sample(None, 2**63 - 1, "GET")
    given = [rule.should_sample(None, KEPT_ID, "GET").decision for _ in range(WINDOW)]
    assert given.count(Decision.RECORD_AND_SAMPLE) <= SLACK + TIMES * RATIO * 2 * WINDOW


def test_who_keeps_everything_is_not_limited(settings: Settings) -> None:
    """The default ratio."""
    rule = sampler(settings)
    assert all(kept(rule, KEPT_ID, flags) for flags in (0, 1) for _ in range(1000))
