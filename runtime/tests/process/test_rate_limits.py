"""Rate limits of a real process, over raw connections."""

import json
import time
from contextlib import closing

from firstlight.testing import ServiceProcess
from firstlight.testing.environment import variables

from ..conftest import PROGRAMS
from ..faults import SERVICE
from .conftest import Reply, Wire, ask, metric, request

RATED = PROGRAMS / "rated.py"
BURST = 20
POST = request("/items", "POST", content_length="5") + b"12345"


def asked(wire: Wire, *requests: bytes) -> list[Reply]:
    """The responses to requests that are sent in one write."""
    wire.send(*requests)
    return [wire.receive() for _ in requests]


def test_a_client_that_waits_as_told_is_served_again() -> None:
    """A burst passes, the rest is refused, the connection stays open, and `Retry-After` is honest."""
    service = ServiceProcess([str(RATED)], {"RATE_LIMITS": "on"}, without=variables(SERVICE))
    with closing(service), Wire(service.started().url) as wire:
        replies = asked(wire, *[request("/items", x_forwarded_for="203.0.113.7")] * (3 * BURST))
        refused = [reply for reply in replies if reply.status == 429]
        probes = [ask(service.url, path).status for path in ("/health/live", "/health/ready") for _ in range(BURST)]

        assert {reply.status for reply in replies} == {200, 429}
        assert len(replies) - len(refused) in range(BURST, BURST + 10)  # ten more in each second
        assert {reply.headers["retry-after"] for reply in refused} == {"1"}
        assert refused[0].headers["x-ratelimit-limit"] == str(BURST)
        assert json.loads(refused[0].body)["policy"] == "requests"
        assert refused[0].headers["x-content-type-options"] == "nosniff"
        assert set(probes) == {200}
        assert metric(service.management_url, "rate_limit_requests_total", outcome="limited") == len(refused)

        time.sleep(float(refused[-1].headers["retry-after"]))  # as a client does
        first, second, after = asked(wire, POST, POST, request("/items"))
        assert (first.status, first.body) == (200, b"5")
        assert (second.status, second.headers["retry-after"]) == (429, "1")
        assert json.loads(second.body)["policy"] == "changes"
        assert after.status == 200  # the body of the refused request was skipped

        line = service.wait_for("security.rate_limited")
        assert line["policy"] == "requests"
        assert line["client_address"] == "127.0.0.1"
        assert line["proxy_trusted"] is False
        labels = {"http_route": "/items", "http_response_status_code": "429", "error_type": ""}
        assert (
            metric(service.management_url, "http_server_request_duration_seconds_count", **labels) == len(refused) + 1
        )
        assert metric(service.management_url, "slo_events_total", slo="availability", outcome="bad") == 0
        assert service.terminate() == 0
