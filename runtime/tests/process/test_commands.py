"""Commands as others see them: their failures, their spans, and their end."""

import json
import signal
from collections.abc import Callable

from ..conftest import PROGRAMS
from .conftest import Receiver, Start

JOBS = str(PROGRAMS / "jobs.py")


def _dsn(receiver: Receiver) -> str:
    return receiver.url.replace("://", "://key@") + "/1"


def test_a_failure_is_reported_and_its_spans_arrive(serve: Start, receive: Callable[..., Receiver]) -> None:
    """Before the process ends. The event, the report and the spans have one trace id."""
    sentry, collector = receive(), receive()
    process = serve(JOBS, "add", "1", "x", SENTRY_DSN=_dsn(sentry), OTEL_EXPORTER_OTLP_ENDPOINT=collector.url)

    assert process.wait() == 1
    failed = process.wait_for("command.failed")
    (report,) = [json.loads(line) for line in b"\n".join(sentry.bodies).splitlines() if b'"exception"' in line]
    assert report["exception"]["values"][-1]["type"] == "ValueError"
    assert report["contexts"]["trace"]["trace_id"] == failed["trace_id"]
    (spans,) = collector.bodies
    assert b"command add" in spans
    assert bytes.fromhex(failed["trace_id"]) in spans


def test_the_spans_of_a_command_arrive_although_it_is_short(serve: Start, receive: Callable[..., Receiver]) -> None:
    """Its calls are in its trace."""
    collector = receive()
    process = serve(JOBS, "add", "1", OTEL_EXPORTER_OTLP_ENDPOINT=collector.url)

    assert process.wait() == 0
    (spans,) = collector.bodies
    assert b"command add" in spans
    assert b"write the sum" in spans
    assert spans.count(bytes.fromhex(process.wait_for("command.finished")["trace_id"])) == 2


def test_a_command_that_ignores_signals_is_ended(serve: Start, receive: Callable[..., Receiver]) -> None:
    """After `GRACEFUL_SECONDS`, with one event, exit status 1 and its spans."""
    collector = receive()
    settings = {"JOBS_COMMAND": "block", "GRACEFUL_SECONDS": "1"}
    process = serve(JOBS, "add", "1", OTEL_EXPORTER_OTLP_ENDPOINT=collector.url, **settings)
    process.wait_for("added")

    process.process.send_signal(signal.SIGTERM)

    assert process.wait() == 1
    assert process.error == ""
    (failed,) = [line for line in process.lines if line["event"].startswith("command.")]
    assert failed["reason"] == "it was told to stop, and did not"
    assert failed["exit_status"] == 1


def test_a_signal_before_it_runs_is_not_lost(serve: Start) -> None:
    """The signal arrives while components are opened."""
    process = serve(JOBS, "add", "1", JOBS_COMMAND="hang")
    process.wait_for("opened")

    process.process.send_signal(signal.SIGTERM)

    assert process.wait() == 1
    assert process.wait_for("command.failed")["reason"] == "it was told to stop"
