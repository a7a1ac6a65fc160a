"""The encoder gives what the stock encoder gives, for every kind of span."""

import tracemalloc
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanLimits, TracerProvider, sampling
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceState,
    set_span_in_context,
)
from opentelemetry.util.types import AttributeValue

from firstlight.metrics.instruments import REGISTRY
from firstlight.traces.encoding import encode
from firstlight.traces.propagation import NO_PARENT


def provider_of(resource: Resource | None = None, limits: SpanLimits | None = None) -> TracerProvider:
    """A provider that records everything."""
    return TracerProvider(sampling.ALWAYS_ON, resource, shutdown_on_exit=False, span_limits=limits)


PROVIDER = provider_of(Resource({"service.name": "links"}, "https://schema/1"))
TRACER = PROVIDER.get_tracer("test", "1.2.3", "https://schema/2", {"scope": "attribute"})
REMOTE = SpanContext(2**127, 2**63, is_remote=True)
LOCAL = SpanContext(1, 1, is_remote=False)
STATEFUL = SpanContext(7, 7, is_remote=True, trace_state=TraceState([("a", "1"), ("b", "2")]))


def span(
    attributes: dict[str, AttributeValue] | None = None,
    parent: SpanContext | None = None,
    change: Callable[[Span], object] = lambda _: None,
    provider: TracerProvider = PROVIDER,
    **options: object,
) -> ReadableSpan:
    """A finished span."""
    tracer = TRACER if provider is PROVIDER else provider.get_tracer("other")
    context = NO_PARENT if parent is None else set_span_in_context(NonRecordingSpan(parent), NO_PARENT)
    made = tracer.start_span("GET /a", context, attributes=attributes, **options)  # type: ignore[arg-type]
    assert isinstance(made, Span)
    change(made)
    made.end()
    return made


KINDS: dict[str, Callable[[], ReadableSpan]] = {
    "bare": span,
    "attributes": lambda: span({"a": "b", "n": 1, "f": 1.5, "t": True, "z": False, "empty": "", "zero": 0}),
    "extremes": lambda: span({"max": 2**63 - 1, "min": -(2**63), "inf": float("inf"), "tiny": 5e-324, "neg": -1}),
    "unicode": lambda: span({"päth": "/ü/€/\U0001f600\x00", "漢": "字"}, change=lambda s: s.update_name("GET /ü")),
    "long": lambda: span({"a": "x" * 127, "b": "x" * 128, "c": "x" * 16_383, "d": "x" * 70_000}),
    "sequences": lambda: span({"list": ["a", "b"], "numbers": (1, 2), "floats": [0.5], "flags": [True], "none": []}),
    "bytes": lambda: span({"raw": b"\xff"}),
    "local parent": lambda: span(parent=LOCAL),
    "remote parent": lambda: span({"a": "b"}, REMOTE),
    "state": lambda: span({"a": "b"}, STATEFUL),
    "error": lambda: span(change=lambda s: s.set_status(Status(StatusCode.ERROR))),
    "error with a reason": lambda: span(change=lambda s: s.set_status(Status(StatusCode.ERROR, "broke"))),
    "ok": lambda: span(change=lambda s: s.set_status(Status(StatusCode.OK))),
    "event": lambda: span({"a": 1}, change=lambda s: s.add_event("happened", {"b": 2}, 3)),
    "exception": lambda: span(change=lambda s: s.record_exception(LookupError("x"))),
    "links": lambda: span({"a": 1}, links=[Link(REMOTE, {"c": 3}), Link(LOCAL)]),
    "dropped attributes": lambda: span(
        {"a": 1, "b": 2},
        provider=provider_of(limits=SpanLimits(max_span_attributes=1)),
    ),
    "dropped events": lambda: span(
        {"a": 1},
        change=lambda s: s.add_event("happened"),
        provider=provider_of(limits=SpanLimits(max_events=0)),
    ),
    "dropped links": lambda: span(
        {"a": 1},
        links=[Link(LOCAL)],
        provider=provider_of(limits=SpanLimits(max_links=0)),
    ),
    **{kind.name.lower(): lambda kind=kind: span({"a": 1}, kind=kind) for kind in SpanKind},  # type: ignore[misc]
}


def parsed(spans: Sequence[ReadableSpan]) -> ExportTraceServiceRequest:
    """What a collector reads."""
    request = ExportTraceServiceRequest()
    request.ParseFromString(encode(spans))
    return request


def flat(request: ExportTraceServiceRequest) -> list[tuple[bytes, bytes, bytes]]:
    """Each span with its resource and scope, however they are grouped."""
    return sorted(
        (
            resource.resource.SerializeToString(deterministic=True) + resource.schema_url.encode(),
            scope.scope.SerializeToString(deterministic=True) + scope.schema_url.encode(),
            one.SerializeToString(deterministic=True),
        )
        for resource in request.resource_spans
        for scope in resource.scope_spans
        for one in scope.spans
    )


@pytest.mark.parametrize("make", KINDS.values(), ids=KINDS.keys())
def test_a_collector_reads_the_same(make: Callable[[], ReadableSpan]) -> None:
    """The second time the span's attributes have been encoded before."""
    one = make()
    expected = encode_spans([one])
    for _ in range(2):
        assert parsed([one]) == expected


def test_a_batch_is_the_same_in_the_same_order() -> None:
    """Common and unusual spans side by side."""
    spans = [make() for name, make in KINDS.items() if not name.startswith("dropped")]
    assert parsed(spans) == encode_spans(spans)


@pytest.mark.parametrize("value", [1, True, 1.0, 0, False, 0.0])
def test_values_that_compare_equal_are_not_confused(value: AttributeValue) -> None:
    """What has been encoded before under the same name was of another type."""
    spans = [span({"same": before}) for before in (1, True, 1.0, 0, False, 0.0, value)]
    assert parsed(spans) == encode_spans(spans)


def test_several_resources_and_scopes_keep_their_spans() -> None:
    """Each span stays with its own, however they are grouped."""
    other = provider_of(Resource({"service.name": "other"}))
    spans = [span({"a": 1}), span({"a": 1}, provider=other), span({"b": 2})]
    second = PROVIDER.get_tracer("second").start_span("x")
    second.end()
    assert isinstance(second, Span)
    spans.append(second)
    assert flat(parsed(spans)) == flat(encode_spans(spans))


def test_an_empty_batch_is_an_empty_request() -> None:
    """It is valid."""
    assert parsed([]) == ExportTraceServiceRequest()


@pytest.mark.parametrize("value", [2**63, -(2**70), "\ud800", ["\ud800"], [2**70]], ids=ascii)
def test_an_attribute_that_cannot_be_encoded_costs_only_itself(value: AttributeValue) -> None:
    """One odd value, such as one from a client, does not lose a batch of spans."""
    spans = [span({"a": 1}), span({"odd": value, "b": 2}), span({"c": 3})]
    assert parsed(spans) == encode_spans(spans)


@pytest.mark.parametrize("key", ["\ud800", "a\udcff"], ids=ascii)
def test_a_key_that_cannot_be_encoded_costs_only_itself(key: str) -> None:
    """One odd key does not lose a batch of spans either."""
    spans = [span({"a": 1}), span({key: 1, "b": 2})]
    assert parsed(spans) == encode_spans(spans)


def test_what_is_remembered_takes_little_memory() -> None:
    """Long values, which clients choose, are not remembered at all."""
    agents = [
        span({"user_agent.original": f"{number} {'u' * length}"})
        for length, spans in ((200, 2000), (60_000, 100))
        for number in range(spans)
    ]
    wide = [span({"path": f"{number} " + "\U0001f600" * 200}) for number in range(2000)]
    tracemalloc.start()
    for one in (*agents, *wide):
        encode([one])
    held = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert held < 1_048_576


@pytest.mark.parametrize("name", ["\ud800", 7], ids=ascii)
def test_a_span_that_cannot_be_encoded_costs_only_itself(name: Any) -> None:
    """Neither its batch nor its resource; it is counted."""
    lost = REGISTRY.get_sample_value("telemetry_dropped_total", {"signal": "traces", "reason": "not_rendered"}) or 0
    odd = span(change=lambda s: s.update_name(name))
    spans = [odd, span({"a": 1}), odd, span({"b": 2})]
    assert parsed(spans) == encode_spans([spans[1], spans[3]])
    assert (
        REGISTRY.get_sample_value("telemetry_dropped_total", {"signal": "traces", "reason": "not_rendered"}) == lost + 2
    )


class Text(str):
    """A text whose bytes cannot be had."""

    __slots__ = ()

    def encode(self, *_: object) -> bytes:
        """Fail."""
        raise RuntimeError


def test_a_hostile_value_costs_at_most_its_span() -> None:
    """Whatever its methods do."""
    spans = [span({"a": 1}), span({"odd": Text("x")}), span({"b": 2})]
    encoded = [one for each in parsed(spans).resource_spans for scope in each.scope_spans for one in scope.spans]
    assert {one.attributes[0].key for one in encoded if one.attributes} >= {"a", "b"}
