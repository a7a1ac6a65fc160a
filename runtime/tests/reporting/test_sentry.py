"""Error reports name the error and its trace once, and have no personal data."""

import gzip
import json
import logging
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import sentry_sdk
from opentelemetry import propagate, trace
from opentelemetry.sdk.trace import TracerProvider, sampling
from sentry_sdk.scope import remove_external_propagation_context

from firstlight import Settings
from firstlight.logs import pipeline
from firstlight.reporting import sentry
from firstlight.reporting.sentry import Capture
from firstlight.testing import ServiceProcess
from firstlight.testing.lines import Lines
from firstlight.testing.process import TIMEOUT_SECONDS
from firstlight.traces import propagation

from ..conftest import FAULTS
from ..faults import IDENTITY

IMPORTED = """
import sys
from firstlight import Identity, Settings
from firstlight.reporting import sentry

capture, flush = sentry.start(Settings(), Identity(name="sample", version="1.2.3"))
capture(LookupError())
flush(1)
print([name for name in sys.modules if name.startswith("sentry_sdk")])
"""

Event = dict[str, Any]


class Tracker(ThreadingHTTPServer):
    """The server of a DSN. It decodes envelopes and keeps their items."""

    daemon_threads = True

    def __init__(self) -> None:
        """Listen on a free port."""
        super().__init__(("127.0.0.1", 0), _Handler)
        self.items: list[tuple[str, Event]] = []
        self.raw = b""
        self._thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    @property
    def dsn(self) -> str:
        """The address with a public key and a project."""
        return f"http://key@127.0.0.1:{self.server_port}/1"

    @property
    def events(self) -> list[Event]:
        """The received error reports."""
        return [item for kind, item in self.items if kind == "event"]

    def close(self) -> None:
        """Stop listening."""
        self.shutdown()
        self._thread.join()
        self.server_close()


class _Handler(BaseHTTPRequestHandler):
    server: Tracker

    def do_POST(self) -> None:
        """Take one envelope: its header, then pairs of an item's header and the item, one a line."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        self.server.raw += body
        _, *lines = body.splitlines()
        for header, item in zip(lines[::2], lines[1::2], strict=True):
            self.server.items.append((json.loads(header)["type"], json.loads(item)))
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Write nothing."""


@pytest.fixture
def tracker(monkeypatch: pytest.MonkeyPatch) -> Iterator[Tracker]:
    """A project that accepts reports."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    made = Tracker()
    yield made
    made.close()


Reports = tuple[Capture, Callable[[], list[Event]]]


@pytest.fixture
def reports(tracker: Tracker, settings: Settings) -> Iterator[Reports]:
    """Two functions: report an error, and wait until all reports are sent."""
    chosen = Settings(**{**settings.model_dump(), "sentry_dsn": tracker.dsn, "environment": "staging"})
    capture, flush = sentry.start(chosen, IDENTITY)

    def arrived() -> list[Event]:
        flush(TIMEOUT_SECONDS)
        return tracker.events

    yield capture, arrived
    sentry_sdk.get_client().close()
    sentry_sdk.get_global_scope().set_client(None)
    remove_external_propagation_context()


def broken(password: str = "hunter2") -> LookupError:  # noqa: S107 - a local to look for
    """An error with a traceback, a cause, and secrets in its text and its local variables."""
    local = f"local-{password}"
    caught = LookupError(f"cannot reach postgres://admin:{password}@db")
    try:
        try:
            int(f"bob@example.com, password={password}")
        except ValueError as error:
            raise caught from error
    except LookupError:
        assert local
    return caught


def span_of_a_request() -> trace.Span:
    """A sampled span."""
    return TracerProvider(sampling.ALWAYS_ON, shutdown_on_exit=False).get_tracer("test").start_span("GET /a")


def test_a_report_names_the_error_the_release_and_the_trace(reports: Reports) -> None:
    """Request id and trace id are those of the log lines."""
    capture, arrived = reports
    span = span_of_a_request()
    with trace.use_span(span):
        capture(broken())
    (event,) = arrived()
    assert [value["type"] for value in event["exception"]["values"]] == ["ValueError", "LookupError"]
    context = span.get_span_context()
    assert event["contexts"]["trace"]["trace_id"] == f"{context.trace_id:032x}"
    assert event["contexts"]["trace"]["span_id"] == f"{context.span_id:016x}"
    assert event["environment"] == "staging"
    assert event["release"] == f"{IDENTITY.name}@{IDENTITY.version}"
    frames = event["exception"]["values"][-1]["stacktrace"]["frames"]
    assert frames[-1]["function"] == "broken"


def test_an_error_outside_a_request_is_reported(reports: Reports) -> None:
    """A background task has no span."""
    capture, arrived = reports
    capture(broken())
    assert len(arrived()) == 1


def test_a_report_holds_no_secrets_and_no_locals(reports: Reports, tracker: Tracker) -> None:
    """Neither in texts of the error and its cause nor in variables, by name or by format."""
    capture, arrived = reports
    sentry_sdk.set_tag("note", "token=hunter2")
    sentry_sdk.set_extra("request", {"headers": {"Authorization": "hunter2"}, "list": [{"api_key": "hunter2"}]})
    sentry_sdk.set_extra("scope", {"headers": [["cookie", "theme=dark; sid=hunter2"], ["host", "web"]], "tokens": 12})
    sentry_sdk.set_extra("key", "ghp_" + "hunter2" * 4)
    sentry_sdk.set_context("login", {"body": '{"user": {"passwords": ["x", "hunter2"]}}', "session": {"id": "hunter2"}})
    capture(broken())
    (event,) = arrived()
    assert b"hunter2" not in tracker.raw
    assert b"bob@example.com" not in tracker.raw
    assert event["extra"]["scope"]["tokens"] == 12
    frames = [frame for value in event["exception"]["values"] for frame in value["stacktrace"]["frames"]]
    assert not [frame for frame in frames if "vars" in frame]
    assert not {"request", "user", "modules"} & event.keys()
    assert "REDACTED@db" in event["exception"]["values"][-1]["value"]
    sentry_sdk.get_isolation_scope().clear()


def test_a_log_line_about_an_error_adds_no_event(reports: Reports) -> None:
    """The SDK does not read uvicorn's log lines."""
    capture, arrived = reports
    error = broken()
    capture(error)
    capture(KeyError("another, so that it is not the last one"))
    logging.getLogger("uvicorn.error").error("Exception in ASGI application\n", exc_info=error)
    assert [event["exception"]["values"][-1]["type"] for event in arrived()] == ["LookupError", "KeyError"]


def test_a_line_about_an_error_is_reported(reports: Reports, tracker: Tracker) -> None:
    """For errors that are logged without an exception. The text is redacted."""
    capture, arrived = reports
    capture("lost connection, password=hunter2")
    (event,) = arrived()
    assert event["message"].startswith("lost connection")
    assert event["level"] == "error"
    assert b"hunter2" not in tracker.raw


def test_only_capture_reports(reports: Reports, settings: Settings, lines: Lines) -> None:
    """A library's log line is not reported by the SDK itself, or one error would be two reports."""
    _, arrived = reports
    pipeline.configure(settings, IDENTITY, lines)  # that of an earlier test may hand over what it logs
    logging.getLogger("library").error("broken", exc_info=broken())
    assert arrived() == []


def test_nothing_but_errors_is_sent(reports: Reports, tracker: Tracker) -> None:
    """No sessions, transactions or spans."""
    capture, arrived = reports
    with trace.use_span(span_of_a_request(), end_on_exit=True):
        capture(broken())
    assert len(arrived()) == 1
    assert {kind for kind, _ in tracker.items} == {"event"}


@pytest.mark.usefixtures("reports")
def test_outgoing_calls_still_carry_trace_context(settings: Settings) -> None:
    """The tracker's SDK does not replace `traceparent` by its own header."""
    propagation.install(settings)
    sentry.start(settings, IDENTITY)
    carrier: dict[str, str] = {}
    with trace.use_span(span_of_a_request()):
        propagate.inject(carrier)
    assert set(carrier) == {"traceparent"}


def test_without_a_dsn_nothing_is_imported() -> None:
    """The import takes 0.3 s and memory."""
    done = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-c", IMPORTED], capture_output=True, text=True, check=True, timeout=30
    )
    assert done.stdout == "[]\n"


def test_an_unreachable_tracker_does_not_block(settings: Settings, tracker: Tracker) -> None:
    """Reporting does not raise, and a flush ends at its timeout."""
    capture, flush = sentry.start(Settings(**{**settings.model_dump(), "sentry_dsn": tracker.dsn}), IDENTITY)
    tracker.close()
    capture(broken())
    flush(0.1)
    sentry_sdk.get_client().close(timeout=0.1)
    sentry_sdk.get_global_scope().set_client(None)
    remove_external_propagation_context()


def test_the_service_reports_a_request_that_failed(tracker: Tracker, serve: Callable[..., ServiceProcess]) -> None:
    """A real process sends one event with the ids of its log lines before it ends."""
    service = serve(str(FAULTS), SENTRY_DSN=tracker.dsn).started()
    service.get("/faults/fail", headers={"x-request-id": "mine"})
    line = service.wait_for("http.request_failed")
    assert service.terminate() == 0
    (event,) = tracker.events
    assert event["contexts"]["trace"]["trace_id"] == line["trace_id"]
    assert event["contexts"]["trace"]["span_id"] == line["span_id"]
    assert event["exception"]["values"][-1]["value"] == "on demand, password=REDACTED"
    assert b"hunter2" not in tracker.raw
