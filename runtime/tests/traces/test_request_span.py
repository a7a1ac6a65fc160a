"""A request's span is the same on the wire, whether or not the SDK made it; what is added to it is not lost."""

import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http import HTTPStatus

import pytest
from opentelemetry.context import Context
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span as Message
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import (
    NonRecordingSpan,
    Span,
    SpanContext,
    StatusCode,
    TraceFlags,
    TraceState,
    set_span_in_context,
)

from firstlight import Settings
from firstlight.traces.attributes import PlainAttributes, SharedAttributes
from firstlight.traces.consumers import ConsumedProvider
from firstlight.traces.encoding import encode, encoded
from firstlight.traces.ids import TraceIds
from firstlight.traces.propagation import NO_PARENT
from firstlight.traces.provider import Tracing
from firstlight.traces.request_span import Queue, Recording, RequestSpan, finish, started
from firstlight.traces.request_tracer import RequestTracer, Rule

from ..faults import IDENTITY

THREADS, SPANS = 8, 100
NAME = "GET /links/{slug}"
ENDING: PlainAttributes = {"http.route": "/links/{slug}", "http.response.status_code": 503, "took": 0.5}


@dataclass
class Exported(SpanProcessor):
    """The queue, as far as a span sees it."""

    spans: list[ReadableSpan] = field(default_factory=list)

    def on_end(self, span: ReadableSpan) -> None:
        """Keep it."""
        self.spans.append(span)

    def messages(self) -> list[Message]:
        """What a collector would get."""
        request = ExportTraceServiceRequest.FromString(encode(self.spans))
        return [span for r in request.resource_spans for s in r.scope_spans for span in s.spans]


Start = Callable[..., tuple[Span, Exported]]


@pytest.fixture
def start() -> Start:
    """Start a span of a request that is kept; `short` is false for one of the SDK's."""

    def started_span(context: Context = NO_PARENT, *, short: bool = True) -> tuple[Span, Exported]:
        exported, ids = Exported(), TraceIds()
        provider = ConsumedProvider(resource=Resource({"service.name": "x"}), shutdown_on_exit=False, id_generator=ids)
        provider.add_span_processor(exported)
        tracer, scope = provider.get_tracer("x", "1"), InstrumentationScope("x", "1")
        queue = Queue(encoded, exported.spans.append, provider.resource, scope)
        recording = Recording(tracer, ids, queue, None)
        starter = RequestTracer(tracer, ids, provider, Rule(1, follows=True, edge=None), recording if short else None)
        return starter.start(
            context, lambda: ("GET", [{"url.path": "/links/x"}, SharedAttributes({"server.port": 8000})])
        ), exported

    return started_span


def caller(*state: tuple[str, str]) -> Context:
    """The context of a request that continues a trace."""
    flags = TraceFlags(TraceFlags.SAMPLED)
    context = SpanContext(7, 8, is_remote=True, trace_flags=flags, trace_state=TraceState(state))
    return set_span_in_context(NonRecordingSpan(context), Context())


def comparable(message: Message) -> Message:
    """Without what differs from span to span."""
    for name in ("span_id", "start_time_unix_nano", "end_time_unix_nano"):
        message.ClearField(name)
    if not message.parent_span_id:
        message.ClearField("trace_id")
    return message


@pytest.mark.parametrize("context", [NO_PARENT, caller(), caller(("a", "1"))], ids=["root", "child", "with a state"])
@pytest.mark.parametrize("failed", [False, True])
def test_it_is_exported_as_the_sdk_s_is(start: Start, context: Context, *, failed: bool) -> None:
    """Every field that does not differ from span to span."""
    messages = []
    for short in (True, False):
        span, exported = start(context, short=short)
        finish(span, NAME, ENDING, failed=failed, end_time=started(span) + 5_000_000)
        (message,) = exported.messages()
        assert message.end_time_unix_nano - message.start_time_unix_nano == 5_000_000
        assert message.span_id == span.get_span_context().span_id.to_bytes(8, "big")
        messages.append(comparable(message))
    assert messages[0] == messages[1]


UNUSUAL: dict[str, str | int] = {
    "an enumeration": HTTPStatus.NOT_FOUND,
    "a number beyond 64 bits": 2**70,
    "half a pair of surrogates": "a\ud800b",
}


@pytest.mark.parametrize("value", UNUSUAL.values(), ids=UNUSUAL)
def test_an_unusual_value_costs_no_span(start: Start, value: str | int) -> None:
    """Then the SDK makes the span after all, and the stock encoder shows the value or leaves it out."""
    messages = []
    for short in (True, False):
        span, exported = start(short=short)
        finish(span, NAME, {"unusual": value, "http.route": "/x"}, failed=False, end_time=started(span) + 1)
        (message,) = exported.messages()
        messages.append(comparable(message))
    assert messages[0] == messages[1]


ADDITIONS: dict[str, Callable[[Span], object]] = {
    "attribute": lambda span: span.set_attribute("team", ["a", "b"]),
    "attributes": lambda span: span.set_attributes({"team": True}),
    "event": lambda span: span.add_event("paid", {"amount": 1}),
    "exception": lambda span: span.record_exception(ValueError("no")),
    "link": lambda span: span.add_link(SpanContext(1, 2, is_remote=True)),
    "status": lambda span: span.set_status(StatusCode.ERROR, "why"),
}


@pytest.mark.parametrize("add", ADDITIONS.values(), ids=ADDITIONS)
def test_what_is_added_is_exported(start: Start, add: Callable[[Span], object]) -> None:
    """Beside what the data plane adds, under the ids that callees and log lines have."""
    messages = []
    for short in (True, False):
        span, exported = start(short=short)
        before = span.get_span_context()
        add(span)
        assert span.is_recording()
        assert span.get_span_context() == before
        finish(span, NAME, ENDING, failed=False, end_time=started(span) + 1)
        assert not span.is_recording()
        (message,) = exported.messages()
        assert message.span_id == before.span_id.to_bytes(8, "big")
        assert message.trace_id == before.trace_id.to_bytes(16, "big")
        for event in message.events:
            event.ClearField("time_unix_nano")
        messages.append(comparable(message))
    assert messages[0] == messages[1]


def test_a_name_of_the_team_s_is_kept_until_the_route_is_known(start: Start) -> None:
    """As before: the data plane names a span last."""
    span, exported = start()
    span.update_name("mine")
    finish(span, NAME, {}, failed=False, end_time=started(span) + 1)
    (message,) = exported.messages()
    assert message.name == NAME


def test_what_comes_after_the_end_is_passed_over(start: Start) -> None:
    """No second span is made of it."""
    span, exported = start()
    finish(span, NAME, {}, failed=False, end_time=started(span) + 1)
    span.set_attribute("late", 1)
    span.end()
    finish(span, NAME, {}, failed=False, end_time=started(span) + 1)
    (message,) = exported.messages()
    assert "late" not in {pair.key for pair in message.attributes}


def test_a_handler_may_end_it(start: Start) -> None:
    """Then it is exported once, with what was known."""
    span, exported = start()
    span.end()
    finish(span, NAME, ENDING, failed=False, end_time=started(span) + 1)
    (message,) = exported.messages()
    assert message.name == "GET"


@pytest.fixture
def hurried() -> Iterator[None]:
    """Let threads interrupt each other everywhere."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("hurried")
def test_threads_add_to_one_span(start: Start) -> None:
    """The SDK's span is made once."""
    with ThreadPoolExecutor(THREADS) as threads:
        for _ in range(SPANS):
            span, exported = start()
            barrier = threading.Barrier(THREADS)

            def add(number: int, span: Span = span, barrier: threading.Barrier = barrier) -> None:
                barrier.wait()
                span.set_attribute(f"thread.{number}", number)

            list(threads.map(add, range(THREADS)))
            finish(span, NAME, {}, failed=False, end_time=started(span) + 1)
            (message,) = exported.messages()
            assert {f"thread.{number}" for number in range(THREADS)} <= {pair.key for pair in message.attributes}


@pytest.mark.parametrize(
    ("changes", "processors", "short"),
    [
        ({}, 0, True),
        ({}, 1, False),
        ({"OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT": "5"}, 0, False),
        ({"OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT": "10"}, 0, False),
    ],
)
def test_the_short_way_is_for_the_queue_and_our_limits_only(
    monkeypatch: pytest.MonkeyPatch, changes: dict[str, str], processors: int, *, short: bool
) -> None:
    """Another span processor sees every span, and a stated limit is applied by the SDK."""
    for name, value in changes.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
    tracing = Tracing(Settings(), IDENTITY, [SpanProcessor() for _ in range(processors)])
    try:
        span = tracing.tracer.start(NO_PARENT, lambda: ("GET", []))
        assert isinstance(span, RequestSpan) is short
    finally:
        tracing.stop(0)
