"""A refusal by the server is as well formed, and as well recorded, as a response of the application."""

import json
import re
from typing import Any

import httptools
import pytest

from firstlight import Service, Settings, create_app
from firstlight.metrics.instruments import REGISTRY
from firstlight.requests import arrival
from firstlight.requests.early_refusal import EarlyRefusal
from firstlight.security.headers import HEADERS
from firstlight.testing.lines import Lines

from ..faults import FAULTS, IDENTITY

SECOND = 1_000_000_000


class Answer:
    """A response, taken apart by a parser that did not make it."""

    def __init__(self, data: bytes) -> None:
        """Parse `data`, which is all of it."""
        self.headers: dict[str, str] = {}
        self.body = b""
        self.complete = False
        parser = httptools.HttpResponseParser(self)
        parser.feed_data(data)
        self.status = parser.get_status_code()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a field."""
        self.headers[name.decode()] = value.decode()

    def on_body(self, body: bytes) -> None:
        """Keep the body."""
        self.body += body

    def on_message_complete(self) -> None:
        """The length was right."""
        self.complete = True


@pytest.fixture
def refusal(settings: Settings, lines: Lines) -> EarlyRefusal:
    """That of a service with a limit of a second."""
    made = create_app(settings, Service(identity=IDENTITY, routes=FAULTS), log_sink=lines).overload
    assert made is not None
    return made


def _scope(seconds: float, path: str = "/faults/none", **headers: str) -> dict[str, Any]:
    fields = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    arrived = arrival.now() - round(seconds * SECOND)
    return {"type": "http", "method": "GET", "path": path, "headers": fields, arrival.ARRIVED: arrived}


def test_only_who_waited_too_long_is_refused(refusal: EarlyRefusal) -> None:
    """A probe never is."""
    assert refusal.due(_scope(1.5))
    assert not refusal.due(_scope(0.5))
    assert not refusal.due(_scope(60, "/health/ready"))


def test_the_answer_is_a_problem_document_with_the_request_id(refusal: EarlyRefusal) -> None:
    """That of the caller, where it is acceptable."""
    mine = Answer(refusal.answer(_scope(2, x_request_id="mine"), close=False))
    new = Answer(refusal.answer(_scope(2, x_request_id="in line\tbreak"), close=True))

    assert (mine.status, mine.complete) == (503, True)
    assert mine.headers["retry-after"] == "5"
    assert json.loads(mine.body)["request_id"] == mine.headers["x-request-id"] == "mine"
    assert {name: mine.headers.get(name.lower()) for name in HEADERS} == HEADERS
    assert "connection" not in mine.headers
    assert new.headers["connection"] == "close"
    assert len(new.headers["x-request-id"]) == 32


def test_a_head_is_refused_without_a_body(refusal: EarlyRefusal) -> None:
    """With its length: a client would take a body for the next response on the connection."""
    answer = refusal.answer({**_scope(2), "method": "HEAD"}, close=False)
    whole = refusal.answer(_scope(2), close=False)
    assert answer.endswith(b"\r\n\r\n")
    assert re.findall(rb"content-length: \d+", answer) == re.findall(rb"content-length: \d+", whole)


def test_it_is_recorded_under_its_route(refusal: EarlyRefusal, lines: Lines) -> None:
    """As a request of that duration, a bad event of availability and of latency."""
    labels = {
        "http_request_method": "GET",
        "http_route": "/faults/none",
        "http_response_status_code": "503",
        "error_type": "shed",
        "url_scheme": "http",
    }

    def counted() -> list[float]:
        names = [("http_server_request_duration_seconds_count", labels), ("http_server_shed_requests_total", {})]
        names += [("slo_events_total", {"slo": slo, "outcome": "bad"}) for slo in ("availability", "latency")]
        return [REGISTRY.get_sample_value(name, with_labels) or 0.0 for name, with_labels in names]

    before = counted()
    refusal.answer(_scope(2), close=False)

    assert [new - old for new, old in zip(counted(), before, strict=True)] == [1, 1, 1, 1]
    (line,) = lines.named("http.request_finished")
    said = {key: value for key, value in labels.items() if key != "url_scheme"}
    assert {key: line[key] for key in said} == {**said, "http_response_status_code": 503}
    assert line["duration_seconds"] >= 2
