"""The buffers are limited in bytes, each and all together, whatever clients send."""

import gc
import secrets
import threading
import time
import tracemalloc
from collections.abc import Callable
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import SpanContext
from prometheus_client import CollectorRegistry, Gauge

from firstlight.console import exchanges, lines, points, readings, rings, spans, stalls
from firstlight.console.latencies import Latencies
from firstlight.context import RequestContext
from firstlight.lifecycle import Lifecycle
from firstlight.logs import rendering
from firstlight.metrics.durations import Durations
from firstlight.metrics.instruments import LATENCY_BUCKETS_SECONDS
from firstlight.requests.span_attributes import STARTED

if TYPE_CHECKING:
    from firstlight.requests.request_record import Labels

ALL_BYTES = 8_388_608
LABELS = ("http_request_method", "http_route", "http_response_status_code", "error_type", "url_scheme")
TOLERANCE = 1.02
OBJECT_BYTES = 100  # of a text, and of its place in a mapping


def held_by(fill: Callable[[], object]) -> int:
    """The bytes of what `fill` returns and holds."""
    gc.collect()
    tracemalloc.start()
    kept = fill()
    gc.collect()
    size, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    del kept
    return size


def test_all_buffers_together_hold_at_most_8_mib() -> None:
    """With what the routes of the last minute take."""
    routes = 12 * 100 * 400  # readings, routes, bytes of one
    rings = (exchanges.MAX_BYTES, lines.MAX_BYTES, spans.MAX_BYTES, points.MAX_BYTES, stalls.MAX_BYTES)

    assert sum(rings) + readings.MAX_BYTES + routes <= ALL_BYTES


@pytest.mark.parametrize("length", [4, 2_000])
def test_requests(length: int) -> None:
    """Short paths reach the limit of their number, long ones that of their bytes."""

    def fill() -> object:
        kept = exchanges.Exchanges()
        for _ in range(exchanges.NUMBER + 500):
            path, client = f"/{secrets.token_hex(length)}", secrets.token_hex(8)
            ids = RequestContext(secrets.token_hex(64), secrets.token_hex(16), secrets.token_hex(8))
            scope = {STARTED: (path, client)}
            labels: Labels = {"m": "GET", "r": "/x", "s": 200, "e": ""}
            kept.finished(SimpleNamespace(scope=scope, ids=ids, bytes_sent=99_999_999), labels, time.time_ns())
        return kept

    assert held_by(fill) <= exchanges.MAX_BYTES * TOLERANCE


@pytest.mark.parametrize("length", [20, 30_000])
def test_lines(length: int) -> None:
    """As long as a line may be."""

    def fill() -> object:
        kept = lines.Lines()
        for _ in range(lines.NUMBER + 500 if length < 100 else 200):
            kept.add(rendering.json({"event": secrets.token_hex(length)}))
        return kept

    assert held_by(fill) <= lines.MAX_BYTES * TOLERANCE


@pytest.mark.parametrize("length", [4, 1_000])
def test_spans_of_the_sdk(length: int) -> None:
    """With attributes, sequences and events."""

    def fill() -> object:
        kept, provider = spans.Spans(), TracerProvider(shutdown_on_exit=False)
        provider.add_span_processor(kept)
        tracer = provider.get_tracer("x")
        for _ in range(4_000 if length < 100 else 1_000):
            with tracer.start_as_current_span(secrets.token_hex(length)) as span:
                span.set_attributes({f"key.{n}": secrets.token_hex(length) for n in range(10)})
                span.set_attribute("all", [secrets.token_hex(length) for _ in range(10)])
                span.add_event(secrets.token_hex(8), {"exception.stacktrace": secrets.token_hex(length)})
        provider.shutdown()
        return kept

    assert held_by(fill) <= spans.MAX_BYTES * TOLERANCE


@pytest.mark.parametrize("length", [4, 1_000])
def test_spans_of_requests(length: int) -> None:
    """Whose attributes come as they are."""

    def fill() -> object:
        kept = spans.Spans()
        for number in range(1, spans.NUMBER + 500):
            context = SpanContext(secrets.randbits(127) + 1, secrets.randbits(63) + 1, is_remote=False)
            own = {"url.path": secrets.token_hex(length), "client.address": secrets.token_hex(8)}
            shared = {f"key.{n}": secrets.token_hex(length) for n in range(5)}
            kept.on_request(
                context, None, secrets.token_hex(4), (time.time_ns(), time.time_ns() + number), "unset", (shared, own)
            )
        return kept

    waiting = rings.MOST_WAITING * 7 * (2 * length + OBJECT_BYTES)  # as they came
    assert held_by(fill) <= spans.MAX_BYTES * TOLERANCE + waiting


def test_points() -> None:
    """Fifteen minutes of seconds, and no more."""
    durations = Durations("d", "d", LABELS, buckets=LATENCY_BUCKETS_SECONDS, registry=None)
    duration = durations.labels("GET", "/x", "200", "", "http")

    def fill() -> object:
        process = points.Process(lambda: 1_000_000 + time.time_ns() % 9, time.time_ns)
        kept = points.Points(Latencies(durations), process)
        for number in range(points.SECONDS + 100):
            duration.observe(number / 100)
            kept.take(number / 7)
        return kept

    assert held_by(fill) <= points.MAX_BYTES * TOLERANCE


def test_readings() -> None:
    """A bug that makes series without a limit does not fill the memory."""
    registry = CollectorRegistry()
    gauge = Gauge("level", "Level.", ("place",), registry=registry)
    for place in range(readings.MOST_SERIES + 50):
        gauge.labels(f"{place}").set(place)

    def fill() -> object:
        kept = readings.Readings(registry, ["level"])
        for _ in range(20):
            kept.take()
        return kept

    assert held_by(fill) <= readings.MAX_BYTES * TOLERANCE


def test_stalls() -> None:
    """With deep stacks and many requests."""
    lifecycle = Lifecycle()
    requests: list[Any] = [
        SimpleNamespace(
            ids=RequestContext(secrets.token_hex(8), secrets.token_hex(16), ""),
            scope={"path": f"/{'x' * 5_000}", "method": "GET"},
            started=number,
        )
        for number in range(30)
    ]
    lifecycle.requests.update(_Hashable(each) for each in requests)

    def fill() -> object:
        now = [0.0]
        pulse = stalls.Pulse(lambda: now[0])
        pulse.beats = True
        pulse._thread = threading.get_ident()  # noqa: SLF001 - it does not run on a loop
        kept = stalls.Stalls(pulse, lifecycle, lambda: now[0])
        for _ in range(stalls.NUMBER + 50):
            for step in (0.02, 0.2, 0.02):
                now[0] += step
                kept.look()
                pulse.last = pulse.last if step == 0.2 else now[0]
        return kept

    assert held_by(fill) <= stalls.MAX_BYTES * TOLERANCE


class _Hashable:
    def __init__(self, request: Any) -> None:
        self.ids, self.scope, self.started = request.ids, request.scope, request.started

    def abandon(self) -> None:
        """Never called."""

    def forget(self) -> None:
        """Never called."""
