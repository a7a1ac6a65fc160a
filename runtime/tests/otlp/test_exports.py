"""Lines and metrics reach a receiver, or are counted as lost; nobody waits for it, and memory is limited."""

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import orjson
import pytest
from prometheus_client.core import GaugeMetricFamily

from firstlight import Settings
from firstlight.logs import pipeline
from firstlight.metrics.instruments import REGISTRY
from firstlight.otlp.log_queue import LogQueue
from firstlight.otlp.metric_exports import MetricExports
from firstlight.otlp.signals import Signals
from firstlight.settings import load
from firstlight.testing.lines import Lines
from firstlight.testing.process import TIMEOUT_SECONDS

from ..faults import IDENTITY
from .conftest import Receiver

MAX_BYTES = 65_536
SOON_SECONDS = 0.2
SLACK_SECONDS = 4.0


@pytest.fixture(autouse=True)
def _settled(settings: Settings, lines: Lines) -> None:
    pipeline.configure(settings, IDENTITY, lines)


@pytest.fixture
def queue(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> Iterator[LogQueue]:
    """A queue of lines that exports at once."""
    monkeypatch.setenv("OTEL_BLRP_SCHEDULE_DELAY", "0")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "400")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_LOGS_HEADERS", "api-key=of%20logs")
    made = Signals(load(Settings), IDENTITY).logs(MAX_BYTES)
    yield made
    receiver.held.set()
    made.stop(TIMEOUT_SECONDS)


Metrics = Callable[..., MetricExports]


@pytest.fixture
def metrics(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> Iterator[Metrics]:
    """Start an export of metrics with an interval in milliseconds."""
    made: list[MetricExports] = []

    def start(interval: int) -> MetricExports:
        monkeypatch.setenv("OTEL_METRIC_EXPORT_INTERVAL", str(interval))
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_METRICS_TIMEOUT", "400")
        made.append(Signals(load(Settings), IDENTITY).metrics())
        return made[-1]

    yield start
    receiver.held.set()
    for each in made:
        each.stop(TIMEOUT_SECONDS)


def line(event: str, **fields: Any) -> bytes:
    """A line of JSON."""
    return orjson.dumps({"timestamp": "2026-11-27T20:15:00Z", "level": "info", "event": event, **fields}) + b"\n"


def dropped(signal: str, reason: str) -> float:
    """What was lost so far."""
    return REGISTRY.get_sample_value("telemetry_dropped_total", {"signal": signal, "reason": reason}) or 0


def test_lines_arrive_in_order(queue: LogQueue, receiver: Receiver) -> None:
    """With the headers of the variable for logs."""
    events = [f"order.{number}" for number in range(100)]
    for event in events:
        queue.put(line(event))
    assert queue.stop(TIMEOUT_SECONDS)
    assert [record.event_name for record in receiver.records] == events
    path, headers, _ = receiver.exports[0]
    assert (path, headers["api-key"], headers["content-type"]) == ("/v1/logs", "of logs", "application/x-protobuf")


def test_lines_beyond_the_limit_in_bytes_are_counted(queue: LogQueue, receiver: Receiver) -> None:
    """While the receiver holds an export; the caller does not wait."""
    receiver.held.clear()
    lost = dropped("logs", "queue_full")
    queue.put(line("first"))
    receiver.wait_for(lambda: receiver.exports)
    large = line("large", text="x" * 4000)
    began = time.monotonic()
    for _ in range(100):
        queue.put(large)
    assert time.monotonic() - began < SLACK_SECONDS
    kept = 100 - (dropped("logs", "queue_full") - lost)
    assert 0 < kept <= MAX_BYTES / len(large)
    assert kept > MAX_BYTES / len(large) - 3


def test_a_stop_does_not_wait_for_a_receiver_that_hangs(queue: LogQueue, receiver: Receiver) -> None:
    """What is left is counted."""
    receiver.held.clear()
    lost = dropped("logs", "queue_full")
    queue.put(line("first"))
    receiver.wait_for(lambda: receiver.exports)
    queue.put(line("second"))
    began = time.monotonic()
    assert not queue.stop(SOON_SECONDS)
    assert time.monotonic() - began < SLACK_SECONDS
    assert dropped("logs", "queue_full") - lost == 1


def test_lines_that_are_refused_are_counted_and_said_once(queue: LogQueue, receiver: Receiver, lines: Lines) -> None:
    """One warning when it starts, and one line when it ends."""
    lost = dropped("logs", "export_failed")
    receiver.status = 400
    for number in range(3):
        queue.put(line("lost"))
        receiver.wait_for(lambda: len(receiver.exports) > number)  # noqa: B023 - called at once
    receiver.status = 200
    queue.put(line("delivered"))
    assert queue.stop(TIMEOUT_SECONDS)
    assert dropped("logs", "export_failed") - lost == 3
    said = [(each["event"], each["signal"]) for each in lines.events]
    assert said == [("telemetry.export_failed", "logs"), ("telemetry.export_recovered", "logs")]


def test_lines_that_a_receiver_rejects_are_counted(queue: LogQueue, receiver: Receiver, lines: Lines) -> None:
    """As it says in a response of success."""
    lost = dropped("logs", "rejected")
    receiver.rejected = 1
    queue.put(line("rejected"))
    assert queue.stop(TIMEOUT_SECONDS)
    assert dropped("logs", "rejected") - lost == 1
    (said,) = lines.named("telemetry.export_rejected")
    assert said["signal"] == "logs"


def test_metrics_are_sent_each_interval_and_at_the_end(metrics: Metrics, receiver: Receiver) -> None:
    """All at one time each; the last one is later than the stop."""
    made = metrics(20)
    receiver.wait_for(lambda: len(receiver.of("metrics")) >= 3)
    stopped = time.time_ns()
    assert made.stop(TIMEOUT_SECONDS)
    points = receiver.metrics["service_ready"].gauge.data_points
    assert points[0].time_unix_nano > stopped
    counts = receiver.metrics["slo_events_total"].sum.data_points if "slo_events_total" in receiver.metrics else []
    assert all(point.start_time_unix_nano < points[0].time_unix_nano for point in counts)


def test_a_lost_export_of_metrics_is_counted_once(metrics: Metrics, receiver: Receiver, lines: Lines) -> None:
    """The next export has the counts of the lost one."""
    lost = dropped("metrics", "export_failed")
    receiver.status = 400
    made = metrics(60_000)
    assert made.stop(TIMEOUT_SECONDS)
    assert dropped("metrics", "export_failed") - lost == 1
    (said,) = lines.named("telemetry.export_failed")
    assert (said["signal"], said["reason"]) == ("metrics", "400 Bad Request")


def test_points_that_a_receiver_rejects_are_counted(metrics: Metrics, receiver: Receiver) -> None:
    """As it says in a response of success."""
    lost = dropped("metrics", "rejected")
    receiver.rejected = 2
    assert metrics(60_000).stop(TIMEOUT_SECONDS)
    assert dropped("metrics", "rejected") - lost == 2


def test_a_receiver_that_hangs_does_not_hold_the_stop(metrics: Metrics, receiver: Receiver) -> None:
    """The last export is given up."""
    receiver.held.clear()
    made = metrics(60_000)
    began = time.monotonic()
    assert not made.stop(SOON_SECONDS)
    assert time.monotonic() - began < SLACK_SECONDS


def test_a_collector_that_fails_is_left_out(metrics: Metrics, receiver: Receiver, lines: Lines) -> None:
    """As on `/metrics`: all others are sent, and it is said once."""

    class Broken:
        def collect(self) -> Iterator[GaugeMetricFamily]:
            raise RuntimeError("broken")  # noqa: EM101 - of a test

        def describe(self) -> Iterator[GaugeMetricFamily]:
            yield GaugeMetricFamily("broken", "Broken.")

    broken: Any = Broken()
    REGISTRY.register(broken)
    try:
        assert metrics(60_000).stop(TIMEOUT_SECONDS)
    finally:
        REGISTRY.unregister(broken)
    assert "service_ready" in receiver.metrics
    assert [each["signal"] for each in lines.named("telemetry.failed")] == ["metrics"]


def test_each_signal_has_a_thread_of_its_own(queue: LogQueue, metrics: Metrics) -> None:
    """One that waits for its receiver does not hold the other."""
    made = metrics(60_000)
    names = {thread.name for thread in threading.enumerate()}
    assert {"logs-queue", "metrics-export"} <= names
    made.stop(TIMEOUT_SECONDS)
    queue.stop(TIMEOUT_SECONDS)
