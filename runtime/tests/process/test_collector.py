"""A failing collector slows neither requests nor the stop, and does not flood the log."""

import statistics
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from firstlight.testing import ServiceProcess

from ..conftest import FAULTS, TIMEOUT_SECONDS
from .conftest import SHUTDOWN_SECONDS, Receiver, Start, UnreadProcess, Wire, metric, request, wait_until

MANY_BATCHES = {"OTEL_BSP_SCHEDULE_DELAY": "10", "OTEL_BSP_MAX_EXPORT_BATCH_SIZE": "5"}
SHORT_TIMEOUT = {**MANY_BATCHES, "OTEL_EXPORTER_OTLP_TIMEOUT": "100"}  # so that retries do not make few batches of many
REQUESTS = 100
MAX_SECONDS = 2  # no request waits for an exporter


def _median_seconds(url: str) -> float:
    """The median duration of requests that are sent one after another."""
    durations = []
    with Wire(url) as wire:
        for _ in range(REQUESTS):
            began = time.perf_counter()
            wire.send(request("/faults/none"))
            assert wire.receive().status == 200
            durations.append(time.perf_counter() - began)
            assert durations[-1] < MAX_SECONDS
    return statistics.median(durations)


def _many_dropped(service: ServiceProcess, reason: str) -> bool:
    dropped = metric(service.management_url, "telemetry_dropped_total", signal="traces", reason=reason)
    return dropped > REQUESTS / 4


def test_no_collector_delays_the_service(
    serve: Start, receive: Callable[..., Receiver], refusing: str, quiet: tuple[UnreadProcess, Path]
) -> None:
    """It hangs, refuses, fails or is slow. Dropped spans are counted, and the process ends in time."""
    released = threading.Event()
    hanging = receive(lambda: 200 if released.wait(TIMEOUT_SECONDS) else 500)
    slow = receive(lambda: 503 if released.wait(0.3) else 200)
    failing = receive(lambda: 503)
    services = {
        "hanging": serve(
            str(FAULTS),
            OTEL_EXPORTER_OTLP_ENDPOINT=hanging.url,
            OTEL_BSP_MAX_QUEUE_SIZE=str(REQUESTS // 2),
            **MANY_BATCHES,
        ),
        "slow": serve(str(FAULTS), OTEL_EXPORTER_OTLP_ENDPOINT=slow.url, OTEL_BSP_MAX_QUEUE_SIZE="50", **MANY_BATCHES),
        "failing": serve(str(FAULTS), OTEL_EXPORTER_OTLP_ENDPOINT=failing.url, **SHORT_TIMEOUT),
        "refusing": serve(str(FAULTS), OTEL_EXPORTER_OTLP_ENDPOINT=refusing, **SHORT_TIMEOUT),
    }
    usual = _median_seconds(quiet[0].url)
    for service in services.values():
        assert _median_seconds(service.started().url) < 5 * usual + 0.005

    for state, reason in (
        ("hanging", "queue_full"),
        ("slow", "queue_full"),
        ("failing", "export_failed"),
        ("refusing", "export_failed"),
    ):
        wait_until(partial(_many_dropped, services[state], reason))

    with ThreadPoolExecutor() as pool:
        began = time.monotonic()
        assert list(pool.map(ServiceProcess.terminate, services.values())) == [0] * 4
        assert time.monotonic() - began < SHUTDOWN_SECONDS
    released.set()
    for state, service in services.items():
        noise = [line for line in service.lines if line["event"] not in {"http.request_finished", "service.started"}]
        assert len([line for line in noise if not line["event"].startswith("service.")]) <= 2, (state, noise)
        assert service.lines[-1]["event"] == "service.stopped"
        assert service.error == ""


def test_long_headers_do_not_fill_the_memory(serve: Start, receive: Callable[..., Receiver]) -> None:
    """120 MB of different user agents, 60 kB each, while the collector does not answer."""
    released = threading.Event()
    hanging = receive(lambda: 200 if released.wait(TIMEOUT_SECONDS) else 500)
    service = serve(str(FAULTS), OTEL_EXPORTER_OTLP_ENDPOINT=hanging.url, DRAIN_SECONDS="0")
    url = service.started().url
    with Wire(url) as wire:

        def send(number: int) -> None:
            wire.send(request("/faults/none", user_agent=f"{number} {'u' * 60_000}"))
            assert wire.receive().status == 200

        for number in range(100):
            send(number)
        before = metric(service.management_url, "process_resident_memory_bytes")
        for number in range(100, 2100):
            send(number)
        grown = metric(service.management_url, "process_resident_memory_bytes") - before
    released.set()
    assert grown < 16_000_000  # 8 MiB, and what the allocator keeps on top of it
