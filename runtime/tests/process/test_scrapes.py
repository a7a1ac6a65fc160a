"""The content of a scrape."""

import re
from pathlib import Path

from firstlight.testing import ServiceProcess

from .conftest import UnreadProcess, Wire, ask, in_flight, metric, request, wait_until

LONG = b"x" * 70_000
OPENMETRICS = "application/openmetrics-text;version=1.0.0"
EXEMPLAR = re.compile(r'^http_server_request_duration_seconds_bucket.* # \{trace_id="([0-9a-f]{32})"\}', re.MULTILINE)


def _exemplars(management_url: str) -> set[str]:
    return set(EXEMPLAR.findall(ask(management_url, "/metrics", accept=OPENMETRICS).body.decode()))


def test_exemplars_lead_to_log_lines(running: ServiceProcess) -> None:
    """The trace id of every exemplar is in a log line. The text format has no exemplars."""
    ask(running.url, "/faults/none", x_request_id="exemplary")
    trace_id = running.wait_for("http.request_finished", request_id="exemplary")["trace_id"]
    exemplars = _exemplars(running.management_url)
    assert trace_id in exemplars
    assert exemplars <= {line["trace_id"] for line in running.lines if line["event"] == "http.request_finished"}
    assert b" # {" not in ask(running.management_url, "/metrics").body


def test_requests_that_are_not_sampled_have_no_exemplar(quiet: tuple[UnreadProcess, Path]) -> None:
    """Their trace was not sent."""
    service, _ = quiet
    ask(service.url, "/faults/none")
    wait_until(lambda: metric(service.management_url, "http_server_request_duration_seconds_count") > 0)
    assert _exemplars(service.management_url) == set()


def test_probes_on_the_service_port_are_neither_logged_nor_measured(running: ServiceProcess) -> None:
    """They have no line, no span and no latency."""
    before = metric(running.management_url, "http_server_request_duration_seconds_count")
    for probe in ("live", "ready", "startup"):
        reply = ask(running.url, f"/health/{probe}", x_request_id="probe")
        assert (reply.status, reply.body) == (200, b"")
    assert metric(running.management_url, "http_server_request_duration_seconds_count") == before
    ask(running.url, "/", x_request_id="after-the-probes")
    running.wait_for("http.request_finished", request_id="after-the-probes")
    assert [line for line in running.lines if line.get("url_path", "").startswith("/health")] == []


def test_bad_clients_of_the_management_port_affect_no_other(running: ServiceProcess) -> None:
    """They close early, send malformed requests or nothing. Others are answered, and nothing is printed."""
    for sent in (b"", b"\x00\xff\r\n\r\n", request("/metrics"), request("/metrics", "BREW"), b"GET /" + LONG):
        with Wire(running.management_url) as wire:
            wire.send(sent)
    with Wire(running.management_url):
        assert ask(running.management_url, "/health/live").status == 200
    in_flight(running, 0)
