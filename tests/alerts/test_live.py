"""From a failing scrape to the pager: real Prometheus, real Alertmanager, shipped rules and routes, no shortened wait.

The service is played by an exporter that speaks the contract, so that this runs without one.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from live import alertmanager, listening, prometheus
from rulebook import RUNBOOKS

REQUESTS_PER_SECOND = 20
PAGE_WITHIN = 180
LABELS = 'http_request_method="GET",http_route="/r/{slug}"'


class Actor:
    """Plays a service that takes traffic on a clock, well or ill."""

    def __init__(self) -> None:
        """Begin well."""
        self.began = time.monotonic()
        self.broke: float | None = None

    def metrics(self) -> str:
        """Export what the contract says about requests, objectives and health, at this moment."""
        now = time.monotonic()
        good = int(REQUESTS_PER_SECOND * ((self.broke or now) - self.began))
        bad = int(REQUESTS_PER_SECOND * (now - self.broke)) if self.broke else 0
        name = "http_server_request_duration_seconds"
        lines = [
            'slo_objective_ratio{slo="availability",le=""} 0.999',
            'slo_objective_ratio{slo="latency",le="0.25"} 0.99',
            "service_ready 1",
            f'{name}_bucket{{{LABELS},http_response_status_code="302",error_type="",le="0.25"}} {good}',
            f'{name}_bucket{{{LABELS},http_response_status_code="302",error_type="",le="+Inf"}} {good}',
            f'{name}_count{{{LABELS},http_response_status_code="302",error_type=""}} {good}',
        ]
        if bad:
            failed = f'{LABELS},http_response_status_code="500",error_type="RuntimeError"'
            lines += [f'{name}_bucket{{{failed},le="{le}"}} {bad}' for le in ("0.25", "+Inf")]
            lines.append(f"{name}_count{{{failed}}} {bad}")
        return "\n".join([*lines, ""])


@contextmanager
def exporting(actor: Actor) -> Iterator[str]:
    """Serve the actor's metrics; yields the address."""

    class Handler(BaseHTTPRequestHandler):
        """Answer every path with the metrics."""

        def do_GET(self) -> None:
            """Answer one scrape."""
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.end_headers()
            self.wfile.write(actor.metrics().encode())

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.slow
def test_a_full_outage_pages_within_three_minutes(tmp_path: Path) -> None:
    """The first error to the pager, with the settings as shipped and a scrape every 15 s."""
    actor = Actor()
    with listening() as inbox, alertmanager(tmp_path, inbox) as receiver, exporting(actor) as address:
        targets = {address: {"service": "links", "env": "production"}}
        with prometheus(tmp_path, targets, receiver) as server:
            server.until('slo:burn_rate:ratio{service="links",slo="availability",window="1h"} == 0', within=120)
            actor.broke = time.monotonic()
            received = inbox.until({"pager", "slack"}.issubset, within=PAGE_WITHIN)
            took = time.monotonic() - actor.broke
            assert not server.failing_rules()
    print(f"first error to page: {took:.0f} s")
    (page,) = received["pager"]
    assert page["commonLabels"]["alertname"] == "ErrorBudgetBurn"
    assert page["commonLabels"]["service"] == "links"
    runbook = page["alerts"][0]["annotations"]["runbook_url"].removeprefix("/runbooks/")
    assert "## Mitigation" in (RUNBOOKS / runbook).read_text("utf-8")
    assert received.keys() <= {"pager", "slack", "dead-man"}
