"""The span of a request: decided as the SDK does, recorded where it is read, and what stands in for it elsewhere."""

import random
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from opentelemetry.context import Context
from opentelemetry.sdk.trace import SpanProcessor, sampling
from opentelemetry.sdk.trace.sampling import Decision, TraceIdRatioBased
from opentelemetry.trace import NonRecordingSpan, Span, SpanContext, TraceFlags, get_current_span, set_span_in_context

from firstlight import Settings
from firstlight.traces.attributes import Groups
from firstlight.traces.consumers import ConsumedProvider
from firstlight.traces.ids import TraceIds
from firstlight.traces.propagation import NO_PARENT
from firstlight.traces.request_tracer import NoTracer, RequestTracer, Rule
from firstlight.traces.sampling import edge, follows_callers, kept, sampler
from firstlight.traces.trace_state import Level2TraceState

DRAWS = 2000
THREADS, SPANS = 8, 7500
SAMPLED, RANDOM = TraceFlags.SAMPLED, TraceFlags.RANDOM_TRACE_ID

Make = Callable[..., RequestTracer]


@pytest.fixture
def make(settings: Settings) -> Make:
    """Make the tracer of a service with these settings."""

    def tracer(*, consumed: bool = True, **changes: object) -> RequestTracer:
        changed = settings.model_copy(update=changes)
        ids = TraceIds()
        provider = ConsumedProvider(sampling.ALWAYS_ON, shutdown_on_exit=False, id_generator=ids)
        if consumed:
            provider.add_span_processor(SpanProcessor())
        return RequestTracer(
            provider.get_tracer("test"), ids, provider, Rule(kept(changed), follows_callers(changed), edge(changed))
        )

    return tracer


def described() -> tuple[str, Groups]:
    """The start of a span."""
    return "GET", [{"url.path": "/"}]


def start(tracer: RequestTracer, context: Context = NO_PARENT) -> Span:
    """A span of a request."""
    return tracer.start(context, described)


def caller(flags: int, trace_id: int = 7) -> Context:
    """The context of a request with a parent."""
    state = Level2TraceState([("a", "1")])
    span = SpanContext(trace_id, 8, is_remote=True, trace_flags=TraceFlags(flags), trace_state=state)
    return set_span_in_context(NonRecordingSpan(span), Context())


@pytest.mark.parametrize("value", [0.0, 0.1, 0.5, 1.0])
@pytest.mark.parametrize("consumed", [True, False])
def test_the_decision_is_the_sdks_own(make: Make, value: float, consumed: bool) -> None:  # noqa: FBT001 - a table
    """For every trace id, so that services with the same ratio keep the same traces, consumer or not."""
    tracer, rule = make(otel_traces_sampler_arg=value, consumed=consumed), TraceIdRatioBased(value)
    for _ in range(DRAWS):
        span = start(tracer)
        context = span.get_span_context()
        expected = rule.should_sample(None, context.trace_id, "GET").decision is Decision.RECORD_AND_SAMPLE
        assert context.trace_flags.sampled is expected
        assert span.is_recording() is (expected and consumed)


@pytest.mark.parametrize("name", ["always_on", "always_off", "traceidratio", "parentbased_traceidratio"])
@pytest.mark.parametrize("trust", [True, False])
@pytest.mark.parametrize("flags", [0, SAMPLED])
def test_a_trace_of_a_caller_is_sampled_as_by_the_sdk(
    make: Make,
    settings: Settings,
    name: str,
    trust: bool,  # noqa: FBT001 - a table
    flags: int,
) -> None:
    """Each standard sampler, for many ids."""
    changes = {"otel_traces_sampler": name, "otel_traces_sampler_arg": 0.5, "trust_remote_parent": trust}
    tracer, rule = make(**changes), sampler(settings.model_copy(update=changes))
    for _ in range(200):
        context = caller(flags, random.getrandbits(128))
        trace_id = get_current_span(context).get_span_context().trace_id
        expected = rule.should_sample(context, trace_id, "GET").decision is Decision.RECORD_AND_SAMPLE
        assert start(tracer, context).is_recording() is expected


def test_the_ratio_is_kept(make: Make) -> None:
    """Within six standard deviations."""
    tracer = make(otel_traces_sampler_arg=0.5)
    recording = sum(start(tracer).is_recording() for _ in range(DRAWS))
    assert abs(recording - DRAWS / 2) < 6 * (DRAWS / 4) ** 0.5


@pytest.mark.parametrize("consumed", [True, False])
def test_a_span_that_is_not_kept_has_ids_of_its_own(make: Make, consumed: bool) -> None:  # noqa: FBT001 - a table
    """Log lines carry them, and the flag tells dependencies not to keep the trace."""
    tracer = make(otel_traces_sampler_arg=0, consumed=consumed)
    spans = [start(tracer).get_span_context() for _ in range(DRAWS)]
    assert len({span.trace_id for span in spans}) == len({span.span_id for span in spans}) == DRAWS
    assert all(span.is_valid and not span.is_remote and span.trace_flags == RANDOM for span in spans)


@pytest.mark.parametrize("trust", [True, False])
@pytest.mark.parametrize("flags", [0, SAMPLED, RANDOM, SAMPLED | RANDOM])
@pytest.mark.parametrize("ratio", [0.0, 1.0])
def test_a_caller_that_is_trusted_decides(make: Make, flags: int, ratio: float, trust: bool) -> None:  # noqa: FBT001 - a table
    """Else the ratio does; trace, random flag and state are the caller's in any case, the span is ours."""
    span = start(make(otel_traces_sampler_arg=ratio, trust_remote_parent=trust), caller(flags))
    context = span.get_span_context()
    sampled = bool(flags & SAMPLED) if trust else ratio == 1
    assert span.is_recording() is sampled
    assert context.trace_flags == (flags & RANDOM) | sampled
    assert (context.trace_id, dict(context.trace_state)) == (7, {"a": "1"})
    assert context.span_id != 8


@pytest.mark.parametrize("trust", [True, False])
@pytest.mark.parametrize("flags", [0, SAMPLED, RANDOM, SAMPLED | RANDOM])
@pytest.mark.parametrize("ratio", [0.0, 1.0])
def test_without_a_consumer_the_callers_span_goes_on(make: Make, flags: int, ratio: float, trust: bool) -> None:  # noqa: FBT001 - a table
    """So that no span is missing between it and those behind; where the decision differs there is a new one."""
    span = start(make(otel_traces_sampler_arg=ratio, trust_remote_parent=trust, consumed=False), caller(flags))
    context = span.get_span_context()
    sampled = bool(flags & SAMPLED) if trust else ratio == 1
    assert not span.is_recording()
    assert context.trace_flags == (flags & RANDOM) | sampled
    assert (context.trace_id, dict(context.trace_state)) == (7, {"a": "1"})
    assert (context.span_id == 8) is (bool(flags & SAMPLED) == sampled)


def test_a_drawn_id_is_used_once(make: Make) -> None:
    """Otherwise two traces would become one, also when a background task begins the next."""
    provider = ConsumedProvider(shutdown_on_exit=False, id_generator=(ids := TraceIds()))
    provider.add_span_processor(SpanProcessor())
    sdk = provider.get_tracer("test")
    tracer = RequestTracer(sdk, ids, provider, Rule(1, follows=True, edge=None))
    spans = [start(tracer), start(tracer), sdk.start_span("background", Context())]
    spans += [start(make(otel_traces_sampler_arg=0)), sdk.start_span("background", Context())]
    assert len({span.get_span_context().trace_id for span in spans}) == 5


def test_threads_do_not_take_each_others_ids(make: Make) -> None:
    """Each span has the id by which it was sampled."""
    tracer = make(otel_traces_sampler_arg=0.5)
    limit, begin = TraceIdRatioBased.get_bound_for_rate(0.5), threading.Barrier(THREADS)

    def many(_: int) -> list[int]:
        begin.wait()
        spans = [start(tracer) for _ in range(SPANS)]
        for span in spans:
            kept = span.get_span_context().trace_id & TraceIdRatioBased.TRACE_ID_LIMIT < limit
            assert span.is_recording() is kept
        return [span.get_span_context().trace_id for span in spans]

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)  # the threads interrupt each other everywhere
    try:
        with ThreadPoolExecutor(THREADS) as pool:
            ids = [each for part in pool.map(many, range(THREADS)) for each in part]
    finally:
        sys.setswitchinterval(interval)
    assert len(set(ids)) == THREADS * SPANS


def test_the_limit_is_the_first_id_that_is_not_kept(monkeypatch: pytest.MonkeyPatch, make: Make) -> None:
    """As for the SDK's sampler."""
    tracer = make(otel_traces_sampler_arg=0.5)
    for trace_id, recording in ((2**63 - 1, True), (2**63, False)):
        monkeypatch.setattr(random, "getrandbits", lambda _, trace_id=trace_id: trace_id << 64 | 1)
        assert start(tracer).is_recording() is recording


def test_a_span_is_described_only_where_it_is_recorded(make: Make) -> None:
    """To describe it costs more than to start it."""

    def never() -> tuple[str, Groups]:
        raise AssertionError

    for unread in (make(otel_traces_sampler_arg=0), make(consumed=False)):
        unread.start(NO_PARENT, never)
    span = start(make())
    assert (getattr(span, "name"), [dict(getattr(span, "attributes"))]) == described()  # noqa: B009 - not in the API


def test_a_disabled_sdk_begins_no_trace() -> None:
    """It sends on what came in."""
    assert not NoTracer().start(NO_PARENT, described).get_span_context().is_valid
    assert NoTracer().start(caller(SAMPLED), described).get_span_context().span_id == 8
