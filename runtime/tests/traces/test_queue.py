"""Spans reach a collector or are counted as dropped; neither a request nor the shutdown waits for it."""

import gzip
import threading
import time
import tracemalloc
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider, sampling
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    SpanContext,
    Status,
    StatusCode,
    TraceFlags,
    TraceState,
    set_span_in_context,
)

from firstlight import Settings
from firstlight.logs import pipeline
from firstlight.metrics.instruments import REGISTRY
from firstlight.otlp.destination import Destination
from firstlight.testing.lines import Lines
from firstlight.testing.process import TIMEOUT_SECONDS
from firstlight.traces.exporter import OtlpExporter
from firstlight.traces.provider import limits
from firstlight.traces.queue import MAX_BYTES, SpanQueue
from firstlight.traces.size import SPAN_BYTES, size

from ..faults import IDENTITY

SOON_SECONDS = 5.0  # well below any timeout of an exporter
IDLE_SECONDS = 0.5
IDLE_CPU_SECONDS = 0.2  # in that time; whoever asks again and again uses all of it

Answer = tuple[int, dict[str, str]] | None
OK: Answer = (200, {})


class Collector(ThreadingHTTPServer):
    """An OTLP receiver: decodes requests and gives the `answers`; `None` is no answer until the test ends."""

    daemon_threads = True

    def __init__(self) -> None:
        """Listen on a free port."""
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answers: list[Answer] = []
        self.requests: list[tuple[str, Mapping[str, str], ExportTraceServiceRequest]] = []
        self.arrived = threading.Condition()
        self.released = threading.Event()
        self._thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    @property
    def endpoint(self) -> str:
        """The base URL."""
        return f"http://127.0.0.1:{self.server_port}"

    @property
    def names(self) -> list[str]:
        """Names of all spans that were acknowledged, in order."""
        return [s.name for *_, r in self.requests for x in r.resource_spans for y in x.scope_spans for s in y.spans]

    def wait_for(self, condition: Callable[[], bool]) -> None:
        """Wait for requests."""
        with self.arrived:
            assert self.arrived.wait_for(condition, TIMEOUT_SECONDS), f"{len(self.requests)} requests"

    def close(self) -> None:
        """End all waiting answers and stop."""
        self.released.set()
        self.shutdown()
        self._thread.join()
        self.server_close()


class _Handler(BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        """Take one export."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        with self.server.arrived:
            answer = self.server.answers.pop(0) if self.server.answers else OK
            if answer == OK:
                request = ExportTraceServiceRequest.FromString(body)
                self.server.requests.append((self.path, {k.lower(): v for k, v in self.headers.items()}, request))
            self.server.arrived.notify_all()
        if answer is None:
            self.server.released.wait(TIMEOUT_SECONDS)
            return
        status, headers = answer
        self.send_response(status)
        for name, value in {**headers, "Content-Length": "0"}.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Write nothing."""


class Scripted(SpanExporter):
    """An exporter that behaves as a test says, and keeps the batches it was given."""

    def __init__(self, behave: Callable[[], SpanExportResult] = lambda: SpanExportResult.SUCCESS) -> None:
        """Call `behave` at each export."""
        self.batches: list[list[str]] = []
        self.behave = behave
        self.arrived = threading.Condition()
        self.ended = False

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Keep the names."""
        with self.arrived:
            self.batches.append([span.name for span in spans])
            self.arrived.notify_all()
        return self.behave()

    def wait_for(self, batches: int) -> None:
        """Wait until so many batches have come."""
        with self.arrived:
            assert self.arrived.wait_for(lambda: len(self.batches) >= batches, TIMEOUT_SECONDS)

    def shutdown(self) -> None:
        """Keep that it was called."""
        self.ended = True


Start = Callable[..., SpanQueue]


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    """A collector at the standard variables' endpoint."""
    made = Collector()
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", made.endpoint)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    yield made
    made.close()


@pytest.fixture
def start(settings: Settings, lines: Lines) -> Iterator[Start]:
    """Start queues with changed settings; they end with the test."""
    pipeline.configure(settings, IDENTITY, lines)
    queues: list[SpanQueue] = []

    def make(exporter: SpanExporter | None = None, max_bytes: int = MAX_BYTES, **changes: int) -> SpanQueue:
        chosen = settings.model_copy(update={"otel_bsp_schedule_delay": 10, **changes})
        queues.append(SpanQueue(exporter or OtlpExporter(Destination.of(Settings())), chosen, max_bytes))
        return queues[-1]

    yield make
    for queue in queues:
        queue.stop(SOON_SECONDS)


def feed(queue: SpanQueue, *names: str) -> None:
    """End spans of these names, through the SDK."""
    provider = TracerProvider(sampling.ALWAYS_ON, shutdown_on_exit=False)
    provider.add_span_processor(queue)
    tracer = provider.get_tracer("test")
    for name in names:
        tracer.start_span(name).end()


def numbered(count: int) -> list[str]:
    """Names for so many spans."""
    return [f"span {number}" for number in range(count)]


def dropped(reason: str) -> float:
    """Spans dropped so far."""
    value = REGISTRY.get_sample_value("telemetry_dropped_total", {"signal": "traces", "reason": reason})
    assert value is not None
    return value


@pytest.mark.parametrize("compression", ["none", "gzip"])
def test_spans_arrive_at_the_collector(
    collector: Collector, start: Start, compression: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By OTLP over HTTP, with the standard variables' headers and compression, in order."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_COMPRESSION", compression)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "x-tenant=links")
    lost = dropped("export_failed"), dropped("queue_full")
    queue = start()
    feed(queue, *numbered(20))
    assert queue.stop(TIMEOUT_SECONDS)
    assert collector.names == numbered(20)
    path, headers, _ = collector.requests[0]
    assert (path, headers["x-tenant"], headers["content-type"]) == ("/v1/traces", "links", "application/x-protobuf")
    assert (dropped("export_failed"), dropped("queue_full")) == lost


def test_an_export_to_a_busy_collector_is_repeated(collector: Collector, start: Start, lines: Lines) -> None:
    """503 or 429 with `Retry-After` loses no span."""
    collector.answers += [(503, {"Retry-After": "0"}), (429, {"Retry-After": "0"})]
    lost = dropped("export_failed")
    queue = start()
    feed(queue, "repeated")
    collector.wait_for(lambda: collector.names == ["repeated"])
    assert queue.stop(TIMEOUT_SECONDS)
    assert dropped("export_failed") == lost
    assert lines.raw == []


def test_a_collector_that_refuses_is_logged_once(collector: Collector, start: Start, lines: Lines) -> None:
    """One warning at the first failure, one line at the recovery; every span in between is counted."""
    collector.answers += [(503, {"Retry-After": "3600"}), (400, {}), (500, {})]
    lost = dropped("export_failed")
    queue = start(otel_bsp_max_export_batch_size=2)
    for round_number in range(3):
        feed(queue, "a", "b")
        collector.wait_for(lambda left=2 - round_number: len(collector.answers) <= left)  # type: ignore[misc]
    feed(queue, "c")
    collector.wait_for(lambda: collector.names[-1:] == ["c"])
    assert queue.stop(TIMEOUT_SECONDS)
    assert dropped("export_failed") - lost == 6
    assert [(line["level"], line["event"]) for line in lines.events] == [
        ("warning", "telemetry.export_failed"),
        ("info", "telemetry.export_recovered"),
    ]


def test_without_a_collector_only_spans_are_lost(
    refusing: str, start: Start, lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Refused connections are counted, and logged once."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", refusing)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "300")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    lost = dropped("export_failed")
    queue = start()
    feed(queue, *numbered(5))
    assert queue.stop(TIMEOUT_SECONDS)
    assert dropped("export_failed") - lost == 5
    assert [line["event"] for line in lines.events] == ["telemetry.export_failed"]


def test_a_collector_that_hangs_blocks_nothing(collector: Collector, start: Start) -> None:
    """Ending a span does not wait, stopping ends at its timeout, and dropped spans are counted."""
    collector.answers += [None] * 10
    lost = dropped("queue_full")
    queue = start(otel_bsp_max_export_batch_size=1, otel_bsp_max_queue_size=5)
    feed(queue, "stuck")
    collector.wait_for(lambda: len(collector.answers) < 10)
    began = time.monotonic()
    feed(queue, *numbered(100))
    assert not queue.force_flush(50)
    assert not queue.stop(0.05)
    assert time.monotonic() - began < SOON_SECONDS
    assert dropped("queue_full") - lost == 100
    feed(queue, "late")
    assert dropped("queue_full") - lost == 101
    collector.released.set()


def test_a_collector_that_hangs_times_out(collector: Collector, start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    """`OTEL_EXPORTER_OTLP_TIMEOUT` ends an export, and the next one succeeds."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "200")
    collector.answers += [None]
    lost = dropped("export_failed")
    queue = start(otel_bsp_max_export_batch_size=1)
    feed(queue, "stuck")
    collector.wait_for(lambda: not collector.answers)
    feed(queue, "next")
    collector.wait_for(lambda: "next" in collector.names)
    assert queue.stop(TIMEOUT_SECONDS)
    assert dropped("export_failed") - lost + collector.names.count("stuck") == 1


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    """The event that a blocked exporter waits for, set when the test ends."""
    made = threading.Event()
    yield made
    made.set()


def blocked(gate: threading.Event) -> Scripted:
    """An exporter that waits for the gate."""

    def behave() -> SpanExportResult:
        gate.wait(TIMEOUT_SECONDS)
        return SpanExportResult.SUCCESS

    return Scripted(behave)


def test_the_queue_has_a_limit(start: Start, gate: threading.Event) -> None:
    """The oldest spans are kept in order, and each of the others is counted once."""
    exporter = blocked(gate)
    lost = dropped("queue_full")
    queue = start(exporter, otel_bsp_max_queue_size=5, otel_bsp_max_export_batch_size=2)
    feed(queue, "first", "second")
    exporter.wait_for(1)
    taken = len(exporter.batches[0])
    feed(queue, *numbered(20))
    kept = 5 - (2 - taken)
    assert dropped("queue_full") - lost == 20 - kept
    gate.set()
    assert queue.stop(TIMEOUT_SECONDS)
    assert [name for batch in exporter.batches for name in batch] == ["first", "second", *numbered(kept)]


def test_batches_are_no_larger_than_the_setting(start: Start, gate: threading.Event) -> None:
    """`OTEL_BSP_MAX_EXPORT_BATCH_SIZE` limits each request."""
    exporter = blocked(gate)
    queue = start(exporter, otel_bsp_max_export_batch_size=3)
    feed(queue, "first")
    exporter.wait_for(1)
    feed(queue, *numbered(10))
    gate.set()
    assert queue.stop(TIMEOUT_SECONDS)
    assert [len(batch) for batch in exporter.batches] == [1, 3, 3, 3, 1]


def test_a_batch_is_never_larger_than_the_queue(start: Start) -> None:
    """Otherwise no batch would ever be full."""
    exporter = Scripted()
    queue = start(exporter, otel_bsp_max_queue_size=2, otel_bsp_schedule_delay=600_000)
    feed(queue, "a", "b")
    exporter.wait_for(1)


def test_a_full_batch_does_not_wait_for_the_delay(start: Start) -> None:
    """`OTEL_BSP_SCHEDULE_DELAY` applies to batches that are not full."""
    exporter = Scripted()
    queue = start(exporter, otel_bsp_max_export_batch_size=4, otel_bsp_schedule_delay=600_000)
    feed(queue, *numbered(4))
    exporter.wait_for(1)
    assert exporter.batches == [numbered(4)]


def test_without_a_delay_each_span_leaves_at_once(start: Start) -> None:
    """The thread that waits for a span uses no CPU."""
    exporter = Scripted()
    queue = start(exporter, otel_bsp_schedule_delay=0)
    for number, name in enumerate(numbered(3), start=1):
        feed(queue, name)
        exporter.wait_for(number)
    used = time.process_time()
    assert not threading.Event().wait(IDLE_SECONDS)
    assert time.process_time() - used < IDLE_CPU_SECONDS
    assert queue.stop(1)


def test_a_part_of_a_batch_leaves_after_the_delay(start: Start) -> None:
    """The spans of a service with little traffic arrive too."""
    exporter = Scripted()
    feed(start(exporter), "alone")
    exporter.wait_for(1)
    assert exporter.batches == [["alone"]]


def test_flushing_exports_what_is_queued(start: Start) -> None:
    """It does not wait for the delay."""
    exporter = Scripted()
    queue = start(exporter, otel_bsp_schedule_delay=600_000)
    feed(queue, *numbered(3))
    assert queue.force_flush(10_000)
    exporter.wait_for(1)
    assert exporter.batches == [numbered(3)]
    assert queue.force_flush(0)


def test_an_exporter_that_crashes_does_not_end_the_queue(start: Start, lines: Lines) -> None:
    """Its error is logged, its spans are counted, and the next batch is tried."""
    crashes = [LookupError("password=hunter2")]

    def behave() -> SpanExportResult:
        if crashes:
            raise crashes.pop()
        return SpanExportResult.SUCCESS

    exporter = Scripted(behave)
    lost = dropped("export_failed")
    queue = start(exporter)
    feed(queue, "a")
    exporter.wait_for(1)
    feed(queue, "b")
    exporter.wait_for(2)
    assert queue.stop(TIMEOUT_SECONDS)
    assert dropped("export_failed") - lost == 1
    assert [line["event"] for line in lines.events] == [
        "telemetry.exporter_crashed",
        "telemetry.export_failed",
        "telemetry.export_recovered",
    ]
    assert "hunter2" not in b"".join(lines.raw).decode()


def test_stopping_exports_what_is_left_and_ends_the_exporter(start: Start) -> None:
    """Afterwards spans are counted as dropped."""
    exporter = Scripted()
    lost = dropped("queue_full")
    queue = start(exporter, otel_bsp_schedule_delay=600_000)
    feed(queue, *numbered(3))
    assert queue.stop(TIMEOUT_SECONDS)
    assert exporter.batches == [numbered(3)]
    assert exporter.ended
    feed(queue, "late")
    assert dropped("queue_full") - lost == 1


class Pausing(deque[tuple[ReadableSpan, int]]):
    """A queue that stops one thread, once, just after that thread has seen it empty."""

    def __init__(self) -> None:
        """No thread to stop yet."""
        super().__init__()
        self.victim: threading.Thread | None = None
        self.seen_empty, self.go_on = threading.Event(), threading.Event()

    def __len__(self) -> int:
        """The number of spans, which may have changed when this returns."""
        length = super().__len__()
        if not length and threading.current_thread() is self.victim and not self.seen_empty.is_set():
            self.seen_empty.set()
            self.go_on.wait(TIMEOUT_SECONDS)
        return length


def test_a_span_that_ends_just_before_the_stop_is_exported(start: Start) -> None:
    """Even if the thread has just found the queue empty."""
    exporter, pausing = Scripted(), Pausing()
    lost = dropped("queue_full")
    queue = start(exporter)
    pausing.victim, queue._queue = queue._thread, pausing  # noqa: SLF001 - to stop it where it matters
    assert pausing.seen_empty.wait(TIMEOUT_SECONDS)
    feed(queue, "last")
    stop = threading.Thread(target=queue.stop, args=(TIMEOUT_SECONDS,))
    stop.start()
    feed_refused = threading.Event()
    while dropped("queue_full") == lost:  # until the stop has begun
        feed(queue, "late")
        feed_refused.wait(0.001)
    pausing.go_on.set()
    stop.join(TIMEOUT_SECONDS)
    sent = [name for batch in exporter.batches for name in batch]
    assert sent[:1] == ["last"]


def test_a_span_that_is_recorded_and_not_sampled_is_not_exported(start: Start) -> None:
    """A custom sampler may record for other purposes."""

    class RecordOnly(sampling.StaticSampler):
        """Records everything, samples nothing."""

    exporter = Scripted()
    queue = start(exporter)
    provider = TracerProvider(RecordOnly(sampling.Decision.RECORD_ONLY), shutdown_on_exit=False)
    provider.add_span_processor(queue)
    provider.get_tracer("test").start_span("kept back").end()
    assert queue.stop(TIMEOUT_SECONDS)
    assert exporter.batches == []


def test_the_queue_has_a_limit_in_bytes(start: Start, gate: threading.Event) -> None:
    """Spans in the exporter's hands count as well; what does not fit is counted as dropped."""
    exporter = blocked(gate)
    lost = dropped("queue_full")
    queue = start(exporter, max_bytes=40_000, otel_bsp_max_export_batch_size=1)
    feed(queue, "first")
    exporter.wait_for(1)
    feed(queue, *numbered(100))
    kept = 40_000 // size(spans_of("first")[0]) - 1
    assert dropped("queue_full") - lost == 100 - kept
    gate.set()
    assert queue.stop(TIMEOUT_SECONDS)
    assert sum(map(len, exporter.batches)) == 1 + kept


def test_bytes_are_free_again_after_an_export(start: Start) -> None:
    """The limit is for what is held, not for what has been sent."""
    exporter = Scripted()
    lost = dropped("queue_full")
    queue = start(exporter, max_bytes=20_000, otel_bsp_schedule_delay=5)
    for round_number in range(20):
        feed(queue, "a", "b")
        exporter.wait_for(1)
        assert queue.force_flush(5000)
        exporter.wait_for(round_number + 1)
    assert queue.stop(TIMEOUT_SECONDS)
    assert dropped("queue_full") == lost


def test_a_batch_is_limited_in_bytes(start: Start, gate: threading.Event) -> None:
    """So that its encoded form is a part of the limit only. It leaves before the delay, too."""
    exporter = blocked(gate)
    queue = start(exporter, max_bytes=200_000, otel_bsp_schedule_delay=600_000)
    feed(queue, *numbered(60))
    exporter.wait_for(1)
    gate.set()
    assert queue.stop(TIMEOUT_SECONDS)
    assert max(map(len, exporter.batches)) <= 200_000 // 8 // SPAN_BYTES
    assert sum(map(len, exporter.batches)) == 60


def spans_of(*names: str, **attributes: str) -> list[ReadableSpan]:
    """Finished spans, with the limits of a service."""
    provider = TracerProvider(sampling.ALWAYS_ON, shutdown_on_exit=False, span_limits=limits(Settings()))
    made: list[ReadableSpan] = []
    for name in names:
        span = provider.get_tracer("test").start_span(name)
        span.set_attributes({key: f"{value} {name}" for key, value in attributes.items()})
        span.end()
        assert isinstance(span, ReadableSpan)
        made.append(span)
    return made


@pytest.mark.parametrize("attributes", [{}, {"a": "b", "c": "d" * 500}, {"user_agent.original": "\u20ac" * 60_000}])
def test_the_estimate_is_near_the_truth(attributes: dict[str, str]) -> None:
    """Within a third of what the interpreter counts."""
    spans_of("warm", **attributes)
    tracemalloc.start()
    spans = spans_of(*numbered(200), **attributes)
    taken = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert taken * 0.67 < sum(map(size, spans)) < taken * 1.5


def test_all_texts_of_a_span_count() -> None:
    """Events, links, the status and the state of the trace."""
    provider = TracerProvider(sampling.ALWAYS_ON, shutdown_on_exit=False)
    state = TraceState([(f"k{number}", "v" * 200) for number in range(20)])
    parent = SpanContext(1, 1, is_remote=True, trace_flags=TraceFlags(1), trace_state=state)
    span = provider.get_tracer("test").start_span(
        "a",
        set_span_in_context(NonRecordingSpan(parent)),
        links=[Link(parent, {"l": "x" * 1000})],
        attributes={"list": ["x" * 1000, "y" * 1000], "n": 1, "b": b"z" * 1000},
    )
    span.add_event("e", {"e": "x" * 1000})
    span.set_status(Status(StatusCode.ERROR, "x" * 1000))
    assert isinstance(span, ReadableSpan)
    assert size(span) > SPAN_BYTES + 4000 + 6 * 1000


def test_memory_is_limited_while_the_collector_is_down(start: Start, gate: threading.Event) -> None:
    """Distinct user agents of 60 kB, many more than the queue may hold."""
    exporter = blocked(gate)
    queue = start(exporter)
    spans_of("warm")
    tracemalloc.start()
    provider = TracerProvider(sampling.ALWAYS_ON, shutdown_on_exit=False, span_limits=limits(Settings()))
    provider.add_span_processor(queue)
    tracer = provider.get_tracer("test")
    for number in range(6000):
        span = tracer.start_span("GET /a")
        span.set_attribute("user_agent.original", f"{number} " + "u" * 60_000)
        span.end()
    held = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    gate.set()
    assert MAX_BYTES / 2 < held < MAX_BYTES + 2_000_000
    assert queue.stop(TIMEOUT_SECONDS)
