"""Unhandled errors are reported once, with the ids of the request and without secrets."""

import json
import threading
import zlib
from collections.abc import Callable
from typing import Any

import pytest

from firstlight.testing import ServiceProcess

from ..conftest import FAULTS
from .conftest import Receiver, Start, ask

SECRETS = ("hunter2", "correct-horse", "battery-staple", "c3RhcGxlLWJhdHRlcnk", "zebra-paper", "swordfish")


def test_an_exception_leaves_one_access_line_and_one_failure(running: ServiceProcess) -> None:
    """Both have the ids of the request. The server logs no other line."""
    reply = ask(running.url, "/faults/fail", x_request_id="failed")
    assert reply.status == 500
    assert reply.headers["x-request-id"] == "failed"
    problem = json.loads(reply.body)
    failure = running.wait_for("http.request_failed", request_id="failed")
    access = running.wait_for("http.request_finished", request_id="failed")
    ask(running.url, "/", x_request_id="after-the-failure")
    running.wait_for("http.request_finished", request_id="after-the-failure")
    start = min(running.lines.index(failure), running.lines.index(access))
    events = [line["event"] for line in running.lines[start:]]
    assert sorted(events[:-1]) == ["http.request_failed", "http.request_finished"]
    assert {problem["trace_id"], failure["trace_id"]} == {access["trace_id"]}
    assert failure["span_id"] == access["span_id"]
    assert (access["http_response_status_code"], access["error_type"]) == (500, "RuntimeError")
    assert "RuntimeError: on demand, password=REDACTED" in failure["exception"]


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("header?name=x-note&value=a%0Aset-cookie:%20b", "The header x-note has a control character in its value."),
        ("header?name=x%20note&value=a", "b'x note' is no name of a header"),
        ("header?name=&value=a", "b'' is no name of a header"),
        ("length?length=2", "The body is longer than the Content-Length of the response."),
        ("length?length=4", "The body is shorter than the Content-Length of the response."),
    ],
)
def test_a_response_that_cannot_be_sent_is_a_500(running: ServiceProcess, path: str, said: str) -> None:
    """Nothing of the response was sent, so the client gets a problem document, and telemetry has its status."""
    request_id = f"refused-{zlib.crc32(path.encode())}"
    reply = ask(running.url, f"/faults/{path}", x_request_id=request_id)
    assert reply.status == 500
    assert json.loads(reply.body)["request_id"] == request_id
    assert "set-cookie" not in reply.headers
    access = running.wait_for("http.request_finished", request_id=request_id)
    assert (access["http_response_status_code"], access["error_type"]) == (500, "RuntimeError")
    assert said in running.wait_for("http.request_failed", request_id=request_id)["exception"]


@pytest.mark.parametrize("length", [2, 4])
def test_a_refusal_that_the_application_swallows_is_a_500(running: ServiceProcess, length: int) -> None:
    """The client gets a problem document, and telemetry says the same."""
    request_id = f"swallowed-{length}"
    reply = ask(running.url, f"/faults/length?swallowed&length={length}", x_request_id=request_id)
    assert reply.status == 500
    assert json.loads(reply.body)["request_id"] == request_id
    access = running.wait_for("http.request_finished", request_id=request_id)
    assert (access["http_response_status_code"], access["error_type"]) == (500, "incomplete")


def test_a_traceback_shows_no_secret(running: ServiceProcess) -> None:
    """Neither the message nor the cause, a local variable or the response."""
    reply = ask(running.url, "/faults/reveal", x_request_id="revealed")
    text = json.dumps(running.wait_for("http.request_failed", request_id="revealed")) + reply.body.decode()
    assert "ConnectionError" in text
    assert [secret for secret in SECRETS if secret in text] == []


def test_sentry_gets_each_failure_once_with_its_trace(serve: Start, receive: Callable[..., Receiver]) -> None:
    """One event for each failure, with the trace id of its lines, sent before the process ends."""
    slow = threading.Event()
    sentry = receive(lambda: 500 if slow.wait(1) else 200)  # so that the second is still on its way at the end
    service = serve(str(FAULTS), SENTRY_DSN=sentry.url.replace("://", "://key@") + "/1").started()
    ask(service.url, "/faults/reveal?token=swordfish", x_request_id="first")
    ask(service.url, "/faults/missing/none")
    ask(service.url, "/faults/fail", x_request_id="second")
    lines = [service.wait_for("http.request_failed", request_id=request_id) for request_id in ("first", "second")]
    assert service.terminate() == 0
    events = _events(sentry)
    traces = [event["contexts"]["trace"] for event in events]
    assert [(trace["trace_id"], trace["span_id"]) for trace in traces] == [
        (line["trace_id"], line["span_id"]) for line in lines
    ]
    assert [secret for secret in SECRETS if secret in json.dumps(events)] == []


def _events(sentry: Receiver) -> list[Any]:
    """The events of the envelopes: the header of the envelope, then a header and a payload for each item."""
    events = []
    for body in sentry.bodies:
        _, *items = body.splitlines()
        for header, payload in zip(items[::2], items[1::2], strict=False):
            if json.loads(header)["type"] == "event":
                events.append(json.loads(payload))
    return events
