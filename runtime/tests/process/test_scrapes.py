"""What a scrape tells, and what it leaves out."""

import re
from pathlib import Path

from ..conftest import Service
from .conftest import Unheard, Wire, ask, in_flight, metric, request, wait_until

LONG = b"x" * 70_000
OPENMETRICS = "application/openmetrics-text;version=1.0.0"
EXEMPLAR = re.compile(r'^http_server_request_duration_seconds_bucket.* # \{trace_id="([0-9a-f]{32})"\}', re.MULTILINE)


def _exemplars(management_url: str) -> set[str]:
    return set(EXEMPLAR.findall(ask(management_url, "/metrics", accept=OPENMETRICS).body.decode()))


def test_exemplars_lead_to_log_lines(service: Service) -> None:
    """Every trace id of an exemplar is found in a line of the log; the plain format has none."""
    ask(service.url, "/faults/none", x_request_id="exemplary")
    trace_id = service.wait_for("http.request_finished", request_id="exemplary")["trace_id"]
    exemplars = _exemplars(service.management_url)
    assert trace_id in exemplars
    assert exemplars <= {line["trace_id"] for line in service.lines if line["event"] == "http.request_finished"}
    assert b" # {" not in ask(service.management_url, "/metrics").body


def test_requests_that_are_not_sampled_have_no_exemplar(quiet: tuple[Unheard, Path]) -> None:
    """An exemplar whose trace was never sent would lead nowhere."""
    service, _ = quiet
    ask(service.url, "/faults/none")
    wait_until(lambda: metric(service.management_url, "http_server_request_duration_seconds_count") > 0)
    assert _exemplars(service.management_url) == set()


def test_probes_on_the_service_port_are_neither_logged_nor_measured(service: Service) -> None:
    """They are answered, and that is all: no line, no span, no latency."""
    before = metric(service.management_url, "http_server_request_duration_seconds_count")
    for probe in ("live", "ready", "startup"):
        reply = ask(service.url, f"/health/{probe}", x_request_id="probe")
        assert (reply.status, reply.body) == (200, b"")
    assert metric(service.management_url, "http_server_request_duration_seconds_count") == before
    ask(service.url, "/", x_request_id="after-the-probes")
    service.wait_for("http.request_finished", request_id="after-the-probes")
    assert [line for line in service.lines if line.get("url_path", "").startswith("/health")] == []


def test_rude_clients_of_the_management_port_disturb_nobody(service: Service) -> None:
    """Those who leave early, send nonsense or say nothing: the next one is answered, and nothing is printed."""
    for rudeness in (b"", b"\x00\xff\r\n\r\n", request("/metrics"), request("/metrics", "BREW"), b"GET /" + LONG):
        with Wire(service.management_url) as wire:
            wire.send(rudeness)
    with Wire(service.management_url):
        assert ask(service.management_url, "/health/live").status == 200
    in_flight(service, 0)
