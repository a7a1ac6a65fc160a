"""SIGTERM: no request and no telemetry is lost, and the process ends in time."""

import http
import json
import signal
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import httpx2

from firstlight.testing import ServiceProcess

from ..conftest import FAULTS, TIMEOUT_SECONDS
from .conftest import SHUTDOWN_SECONDS, Receiver, Start, answers, ask, in_flight, metric, wait_until

CLIENTS = 4
DURATION = "http_server_request_duration_seconds_count"


def _send_until(stopped: threading.Event, url: str) -> list[int]:
    """A keep-alive client that sends requests without pauses until it is stopped."""
    statuses = []
    with httpx2.Client(base_url=url, timeout=TIMEOUT_SECONDS) as client:
        while not stopped.is_set():
            statuses.append(client.get("/faults/none").status_code)
    return statuses


def _notice(running: ServiceProcess, stopped: threading.Event) -> None:
    """A load balancer that takes the instance out when readiness fails."""
    wait_until(lambda: answers(running.management_url, "/health/ready") == http.HTTPStatus.SERVICE_UNAVAILABLE)
    stopped.set()


def test_a_drain_under_load_loses_no_request_and_no_telemetry(serve: Start, receive: Callable[..., Receiver]) -> None:
    """Keep-alive clients, new connections and a slow request are answered, and all spans and lines are sent."""
    collector = receive()
    service = serve(str(FAULTS), OTEL_EXPORTER_OTLP_ENDPOINT=collector.url, DRAIN_SECONDS="1.5").started()
    stopped = threading.Event()
    with ThreadPoolExecutor(CLIENTS + 2) as pool:
        slow = pool.submit(ask, service.url, "/faults/slow?seconds=2", x_request_id="slow")
        in_flight(service, 1)
        load = [pool.submit(_send_until, stopped, service.url) for _ in range(CLIENTS)]
        wait_until(lambda: len(service.lines) > 10 * CLIENTS)
        balancer = pool.submit(_notice, service, stopped)
        began = time.monotonic()
        service.process.send_signal(signal.SIGTERM)
        assert stopped.wait(TIMEOUT_SECONDS)
        late = [ask(service.url, "/faults/none")]
        while time.monotonic() - began < 0.7:
            late.append(ask(service.url, "/faults/none"))
        assert service.wait() == 0
        balancer.result()
        statuses = [status for client in load for status in client.result()]

    assert set(statuses) == {200}
    assert {(reply.status, reply.headers["connection"]) for reply in late} == {(200, "close")}
    assert slow.result().status == 200
    requests = [line for line in service.lines if line["event"] == "http.request_finished"]
    assert len(requests) == len(statuses) + len(late) + 1
    assert {span.span_id.hex() for span in collector.spans} == {line["span_id"] for line in requests}
    assert service.wait_for("http.request_finished", request_id="slow") == requests[-1]
    assert service.lines[-1]["event"] == "service.stopped"
    assert service.error == ""


def test_more_sigterms_change_nothing(serve: Start, receive: Callable[..., Receiver]) -> None:
    """They neither shorten the drain nor cut the flush."""
    released = threading.Event()
    collector = receive(lambda: 200 if released.wait(TIMEOUT_SECONDS) else 500)
    service = serve(str(FAULTS), OTEL_EXPORTER_OTLP_ENDPOINT=collector.url, DRAIN_SECONDS="0.5").started()
    ask(service.url, "/faults/none")
    began = time.monotonic()
    while not service.ended and time.monotonic() - began < SHUTDOWN_SECONDS:
        service.process.send_signal(signal.SIGTERM)
        if collector.bodies:  # the last spans are on their way: the flush is in progress
            released.set()
        time.sleep(0.002)
    assert service.wait() == 0
    assert time.monotonic() - began > 0.5
    assert len(collector.spans) == 1
    assert [line["event"] for line in service.lines].count("service.drain_started") == 1
    assert service.lines[-1]["event"] == "service.stopped"


def test_sigint_skips_the_delay(serve: Start) -> None:
    """Ctrl-C does not wait for load balancers. Requests in flight are answered."""
    service = serve(str(FAULTS), DRAIN_SECONDS="60").started()
    with ThreadPoolExecutor() as pool:
        slow = pool.submit(ask, service.url, "/faults/slow?seconds=0.5")
        in_flight(service, 1)
        service.process.send_signal(signal.SIGINT)
        assert service.wait() == 0
        assert slow.result().status == 200
    assert service.lines[-1]["event"] == "service.stopped"
    assert service.error == ""


def test_a_second_ctrl_c_cuts_what_is_in_flight(serve: Start) -> None:
    """The requests are answered and recorded, and resources are closed."""
    service = serve(str(FAULTS), DRAIN_SECONDS="60", GRACEFUL_SECONDS="60").started()
    with ThreadPoolExecutor() as pool:
        slow = pool.submit(ask, service.url, "/faults/slow?seconds=60", x_request_id="slow")
        in_flight(service, 1)
        service.process.send_signal(signal.SIGINT)
        wait_until(lambda: answers(service.url, "/faults/none") == 0)
        service.process.send_signal(signal.SIGINT)
        assert service.wait() == 1
        assert slow.result().status == 503
    assert service.lines[-1]["event"] == "service.stopped"
    assert service.lines[-1]["cut"] == ["request slow"]
    assert service.error == ""


def test_sigint_during_the_delay_ends_it_and_nothing_else(serve: Start) -> None:
    """The later end of the delay does not count as a second Ctrl-C."""
    service = serve(str(FAULTS), DRAIN_SECONDS="0.5").started()
    with ThreadPoolExecutor() as pool:
        slow = pool.submit(ask, service.url, "/faults/slow?seconds=1.5")
        in_flight(service, 1)
        service.process.send_signal(signal.SIGTERM)
        service.wait_for("service.drain_started")
        service.process.send_signal(signal.SIGINT)
        assert service.wait() == 0
        assert slow.exception() is None
        assert slow.result().status == 200
    assert service.lines[-1]["event"] == "service.stopped"


def test_a_request_beyond_the_limit_is_cut_counted_and_logged(serve: Start, receive: Callable[..., Receiver]) -> None:
    """It has a line, a span and a measurement with `cancelled`, and does not delay the end."""
    counted = []

    def answer() -> int:  # the flush is in progress, and nothing is counted after it
        counted.append(metric(service.management_url, DURATION, error_type="cancelled", http_route="/faults/hang"))
        return 200

    collector = receive(answer)
    service = serve(str(FAULTS), OTEL_EXPORTER_OTLP_ENDPOINT=collector.url, GRACEFUL_SECONDS="1").started()
    with ThreadPoolExecutor() as pool:
        slow = pool.submit(ask, service.url, "/faults/hang", x_request_id="slow")
        in_flight(service, 1)
        began = time.monotonic()
        assert service.terminate() == 1
        assert time.monotonic() - began < SHUTDOWN_SECONDS
        problem = json.loads(slow.result().body)
    line = service.wait_for("http.request_finished", request_id="slow")
    assert (line["error_type"], line["level"], line["http_response_status_code"]) == ("cancelled", "error", 503)
    assert (problem["status"], problem["request_id"], problem["trace_id"]) == (503, "slow", line["trace_id"])
    assert slow.result().headers["x-request-id"] == "slow"
    assert slow.result().headers["x-content-type-options"] == "nosniff"
    assert counted == [1]
    assert [span.span_id.hex() for span in collector.spans] == [line["span_id"]]
    last = service.lines[-1]
    assert (last["event"], last["cut"], last["level"]) == ("service.stopped", ["request slow"], "error")


def test_a_thread_beyond_the_limit_does_not_keep_the_process(serve: Start) -> None:
    """A thread of a plain handler cannot be cancelled: the process ends without it."""
    service = serve(str(FAULTS), GRACEFUL_SECONDS="1").started()
    with ThreadPoolExecutor() as pool:
        target = f"/faults/thread?seconds={SHUTDOWN_SECONDS + 2}"
        waiting = pool.submit(ask, service.url, target, x_request_id="waiting")
        in_flight(service, 1)
        began = time.monotonic()
        assert service.terminate() == 1
        assert time.monotonic() - began < SHUTDOWN_SECONDS
        assert waiting.exception() is not None or waiting.result().status == 503
    assert service.wait_for("service.stopped")["cut"] == ["request waiting"]
    assert service.wait_for("http.request_finished", request_id="waiting")["error_type"] == "cancelled"
    assert service.lines[-1]["event"] == "process.left"
    assert len(service.lines[-1]["threads"]) == 1
