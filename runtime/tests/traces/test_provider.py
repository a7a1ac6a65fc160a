"""Traces are sampled, described and exported as the standard variables say."""

import threading
from collections.abc import Iterator
from uuid import UUID

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import Decision
from opentelemetry.trace import NonRecordingSpan, Span, SpanContext, TraceFlags, set_span_in_context

from firstlight import Settings
from firstlight.logs import pipeline
from firstlight.testing.lines import Lines
from firstlight.traces.propagation import NO_PARENT
from firstlight.traces.provider import Tracing, resource
from firstlight.traces.sampling import sampler

from ..faults import IDENTITY

LOW, HIGH = 1, 2**128 - 1  # trace ids that a ratio of one half keeps and drops


@pytest.fixture(autouse=True)
def _no_standard_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OTEL_RESOURCE_ATTRIBUTES", "OTEL_SDK_DISABLED", "OTEL_EXPERIMENTAL_RESOURCE_DETECTORS"):
        monkeypatch.delenv(name, raising=False)


def sampled(settings: Settings, trace_id: int, parent: str) -> bool:
    """Whether a trace is recorded: `parent` is none, or remote or local, and sampled or not."""
    context = NO_PARENT
    if parent:
        where, flag = parent.split()
        flags = TraceFlags(TraceFlags.SAMPLED if flag == "sampled" else TraceFlags.DEFAULT)
        span = NonRecordingSpan(SpanContext(trace_id, 1, where == "remote", flags))
        context = set_span_in_context(span, NO_PARENT)
    return sampler(settings).should_sample(context, trace_id, "name").decision is Decision.RECORD_AND_SAMPLE


@pytest.mark.parametrize(
    ("name", "argument", "low", "high"),
    [
        ("always_on", 0, True, True),
        ("always_off", 1, False, False),
        ("traceidratio", 0.5, True, False),
        ("traceidratio", 0, False, False),
        ("traceidratio", 1, True, True),
        ("parentbased_always_on", 0, True, True),
        ("parentbased_always_off", 1, False, False),
        ("parentbased_traceidratio", 0.5, True, False),
    ],
)
@pytest.mark.parametrize("parent", ["", "remote sampled", "remote dropped", "local sampled", "local dropped"])
@pytest.mark.parametrize("trust", [True, False])
def test_each_standard_sampler_decides_as_specified(  # noqa: PLR0913, PLR0917 - a table of them all
    settings: Settings,
    name: str,
    argument: float,
    low: bool,  # noqa: FBT001 - as above
    high: bool,  # noqa: FBT001 - as above
    parent: str,
    trust: bool,  # noqa: FBT001 - as above
) -> None:
    """A parent-based one follows its parent, but a remote parent only where it is trusted."""
    chosen = settings.model_copy(
        update={"otel_traces_sampler": name, "otel_traces_sampler_arg": argument, "trust_remote_parent": trust}
    )
    follows = name.startswith("parentbased_") and parent and (trust or parent.startswith("local"))
    expected = (parent.endswith("sampled"),) * 2 if follows else (low, high)
    assert (sampled(chosen, LOW, parent), sampled(chosen, HIGH, parent)) == expected


def test_an_untrusted_parent_still_gives_the_trace_its_id(settings: Settings) -> None:
    """Only the decision is made here."""
    provider = TracerProvider(
        sampler(settings.model_copy(update={"trust_remote_parent": False})), shutdown_on_exit=False
    )
    context = set_span_in_context(NonRecordingSpan(SpanContext(LOW, 7, is_remote=True)), NO_PARENT)
    span = provider.get_tracer("test").start_span("ours", context)
    assert span.get_span_context().trace_id == LOW
    assert span.is_recording()


def test_the_resource_has_the_attributes_of_the_contract(settings: Settings) -> None:
    """Name, version, instance and environment."""
    attributes = resource(settings, IDENTITY).attributes
    assert attributes["service.name"] == IDENTITY.name
    assert attributes["service.version"] == IDENTITY.version
    assert attributes["deployment.environment.name"] == "development"
    assert UUID(str(attributes["service.instance.id"]))


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"OTEL_RESOURCE_ATTRIBUTES": "team=checkout"}, {"team": "checkout", "service.name": IDENTITY.name}),
        ({"OTEL_RESOURCE_ATTRIBUTES": "service.version=9"}, {"service.version": "9"}),
        ({"OTEL_RESOURCE_ATTRIBUTES": "service.instance.id=pod-1"}, {"service.instance.id": "pod-1"}),
        (
            {"OTEL_RESOURCE_ATTRIBUTES": "deployment.environment.name=moon"},
            {"deployment.environment.name": "moon"},
        ),
        ({"OTEL_SERVICE_NAME": "billing"}, {"service.name": "billing"}),
        ({"OTEL_RESOURCE_ATTRIBUTES": "service.name=ledger"}, {"service.name": "ledger"}),
        (
            {"OTEL_RESOURCE_ATTRIBUTES": "service.name=ledger", "OTEL_SERVICE_NAME": "billing"},
            {"service.name": "billing"},
        ),
        ({"OTEL_RESOURCE_ATTRIBUTES": "a=b%2Cc, d = e "}, {"a": "b,c", "d": "e"}),
    ],
    ids=str,
)
def test_the_standard_variables_describe_the_resource(
    environment: dict[str, str], expected: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """They add and override; `OTEL_SERVICE_NAME` wins over the name among the attributes."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    attributes = resource(Settings(), IDENTITY).attributes
    assert {key: attributes[key] for key in expected} == expected


def start(tracing: Tracing) -> Span:
    """The span of a request."""
    return tracing.tracer.start(NO_PARENT, lambda: ("ours", []))


def threads() -> int:
    """How many span queues run."""
    return sum(thread.name == "traces-queue" for thread in threading.enumerate())


@pytest.fixture
def started() -> Iterator[list[Tracing]]:
    """What a test starts ends with it."""
    made: list[Tracing] = []
    yield made
    for each in made:
        each.stop(5)
        each.provider.shutdown()


@pytest.mark.parametrize(
    ("environment", "exports"),
    [
        ({}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"}, True),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://127.0.0.1:9/v1/traces"}, True),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9", "OTEL_TRACES_EXPORTER": "none"}, False),
    ],
    ids=str,
)
def test_spans_are_exported_only_to_an_endpoint(
    environment: dict[str, str],
    exports: bool,  # noqa: FBT001 - a table
    started: list[Tracing],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Without an endpoint there is no exporter, no thread and no warning, and nothing is recorded."""
    before = threads()
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    started.append(Tracing(Settings(), IDENTITY))
    assert (threads() - before == 1) is exports
    assert start(started[0]).is_recording() is exports


def test_given_processors_get_the_spans(settings: Settings, spans: InMemorySpanExporter) -> None:
    """Beside the exporter, or without one."""
    start(Tracing(settings, IDENTITY, [SimpleSpanProcessor(spans)])).end()
    assert [span.name for span in spans.get_finished_spans()] == ["ours"]


def test_stopping_without_an_exporter_loses_nothing(settings: Settings) -> None:
    """There is no queue to wait for."""
    assert Tracing(settings, IDENTITY).stop(0)


def test_a_disabled_sdk_records_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """`OTEL_SDK_DISABLED` is obeyed, and the service works without spans."""
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    span = start(Tracing(Settings(), IDENTITY))
    assert not span.is_recording()
    assert not span.get_span_context().is_valid


def test_each_start_makes_a_provider_of_its_own(settings: Settings) -> None:
    """Nothing is made at import, so that a process that was forked has its own; the global one is set once."""
    first, second = (Tracing(settings, IDENTITY, [SpanProcessor()]) for _ in range(2))
    assert first.provider is not second.provider
    assert isinstance(trace.get_tracer_provider(), TracerProvider)
    span = start(first)
    assert getattr(span, "instrumentation_scope").name == IDENTITY.name  # noqa: B009 - not in the API


@pytest.mark.parametrize(
    ("environment", "lengths"),
    [
        ({}, (2048, 16_384)),
        ({"OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT": "100"}, (100, 100)),
        ({"OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT": "50"}, (50, 16_384)),
        ({"OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT": "100", "OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT": "50"}, (50, 100)),
    ],
    ids=str,
)
def test_values_are_cut_without_a_line_for_each(
    environment: dict[str, str],
    lengths: tuple[int, int],
    spans: InMemorySpanExporter,
    monkeypatch: pytest.MonkeyPatch,
    lines: Lines,
) -> None:
    """The SDK logs each value that it cuts: a client could write as many lines as it likes."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    pipeline.configure(Settings(), IDENTITY, lines)
    span = start(Tracing(Settings(), IDENTITY, [SimpleSpanProcessor(spans)]))
    span.set_attribute("user_agent.original", "u" * 60_000)
    span.add_event("exception", {"exception.stacktrace": "s" * 60_000})
    span.end()
    (made,) = spans.get_finished_spans()
    assert len(str((made.attributes or {})["user_agent.original"])) == lengths[0]
    assert len(str((made.events[0].attributes or {})["exception.stacktrace"])) == lengths[1]
    assert lines.raw == []
