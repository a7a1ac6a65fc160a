"""Every kind of error in every place: one line with traceback, one count and one report, with the ids."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from typing import Any, NamedTuple

import pytest

from firstlight.testing import ServiceProcess
from firstlight.testing.process import Line

from ..conftest import PROGRAMS
from .conftest import Receiver, Wire, ask, request, samples, wait_until

FAILING = str(PROGRAMS / "failing.py")
KINDS = ("plain", "base", "exit", "cancelled", "deep", "mute")
ORDINARY = ("plain", "deep", "mute")


class Row(NamedTuple):
    """A place, a kind of error, and the expected telemetry."""

    place: str
    kind: str
    source: str
    event: str
    has_ids: bool = True

    @property
    def token(self) -> str:
        """The text or the name of the error."""
        return f"{self.place}-{self.kind}"


class Seen(NamedTuple):
    """The output of a process until its end."""

    lines: list[Line]
    events: list[Any]
    counts: Mapping[str, float]
    error: str
    status: int = 0


ROWS = [
    *(
        Row(place, kind, "request", "http.request_failed")
        for place in ("request", "left", "middleware")
        for kind in KINDS
    ),
    # What goes wrong in the telemetry of a request has nobody else to blame: no `SystemExit` comes from there.
    *(Row("plane", kind, "telemetry", "telemetry.failed") for kind in ORDINARY),
    # `SystemExit` ends a thread on purpose.
    *(Row("thread", kind, "thread", "thread.failed", has_ids=False) for kind in KINDS if kind != "exit"),
    # A task whose dependency was cancelled has been cancelled.
    *(Row("task", kind, "task", "task.failed") for kind in KINDS if kind != "cancelled"),
    *(Row("loop", kind, "loop", "loop.callback_failed", has_ids=kind != "exit") for kind in KINDS),
    *(Row("finalizer", kind, "finalizer", "finalizer.failed") for kind in KINDS),
    *(Row("background", kind, "background", "background.failed", has_ids=False) for kind in KINDS),
    *(Row("check", kind, "check", "health.check_changed", has_ids=False) for kind in KINDS),
]
LOGGED = [Row("logged", kind, "", "order.failed") for kind in KINDS]


def _events(sentry: Receiver) -> list[Any]:
    """The events of the envelopes: the header of the envelope, then a header and a payload for each item."""
    events = []
    for body in sentry.bodies:
        _, *items = body.splitlines()
        for header, payload in zip(items[::2], items[1::2], strict=False):
            if json.loads(header)["type"] == "event":
                events.append(json.loads(payload))
    return events


def _errors(lines: list[Line], token: str) -> list[Line]:
    return [line for line in lines if token in line.get("exception", "")]


def _reports(events: list[Any], token: str) -> list[Any]:
    found = []
    for event in events:
        last = event["exception"]["values"][-1]
        found += [event] if token in (last["value"] or "") or token == last["type"] else []
    return found


def _dsn(sentry: Receiver) -> str:
    return sentry.url.replace("://", "://key@") + "/1"


def _cause(service: ServiceProcess, row: Row) -> None:
    target = f"/{row.place}?kind={row.kind}"
    if row.place == "left":
        with Wire(service.url) as wire:
            wire.send(request(target, x_request_id=row.token))
            service.wait_for("client.awaited", request_id=row.token)
    else:
        ask(service.url, target, x_request_id=row.token)
    wait_until(lambda: _errors(service.lines, row.token), 5)


@pytest.fixture(scope="module")
def seen(receive: Callable[..., Receiver]) -> Iterator[Seen]:
    """A process in which every kind of error occurs while it serves."""
    sentry = receive()
    with closing(ServiceProcess([FAILING], {"SENTRY_DSN": _dsn(sentry)})) as service:
        service.started()
        for row in (*ROWS, *LOGGED):
            _cause(service, row)
        assert ask(service.url, "/well").status == 200
        counts = {
            sample.labels["source"]: sample.value
            for sample in samples(service.management_url, "unhandled_errors_total")
        }
        status = service.terminate()
        yield Seen(service.lines, _events(sentry), counts, service.error, status)


@pytest.mark.parametrize("row", [*ROWS, *LOGGED], ids=lambda row: row.token)
def test_an_error_is_logged_and_reported_once(seen: Seen, row: Row) -> None:
    """The line has the traceback and the ids."""
    (line,) = _errors(seen.lines, row.token)
    assert (line["event"], line["level"]) == (row.event, "error")
    assert "Traceback" in line["exception"]
    assert "failing.py" in line["exception"].partition("Traceback")[0]  # the team's frames come first
    if row.has_ids:
        assert line["request_id"] == row.token
        assert len(line["trace_id"]) == 32
    (report,) = _reports(seen.events, row.token)
    if row.has_ids:
        assert report["contexts"]["trace"]["trace_id"] == line["trace_id"]


def test_each_error_is_counted_once(seen: Seen) -> None:
    """By its source. Sources without an error are exported with 0."""
    sources = [row.source for row in ROWS]

    assert seen.counts == {source: sources.count(source) for source in seen.counts}
    assert seen.counts.keys() >= {*sources, "start", "stop", "command", "process", "websocket"}


def test_the_process_continues_and_ends_with_status_0(seen: Seen) -> None:
    """It writes nothing to standard error, and no other line with level error."""
    assert seen.status == 0
    assert seen.error == ""
    others = {"http.request_finished", "event_loop.blocked"}  # a traceback of 4,000 frames takes its time
    told = [line for line in seen.lines if line["level"] == "error" and line["event"] not in others]
    assert sorted(line["event"] for line in told) == sorted(row.event for row in (*ROWS, *LOGGED))
    assert len(seen.events) == len(ROWS) + len(LOGGED)


def test_the_line_of_a_failed_request_says_how_it_ended(seen: Seen) -> None:
    """It has the route, status and error type of the access line."""
    (line,) = _errors(seen.lines, "request-plain")
    assert line["http_route"] == "/request"
    assert line["http_response_status_code"] == 500
    assert line["error_type"] == "ValueError"


class Ending(NamedTuple):
    """An error that ends a process, or happens at its start or end, and the exit status."""

    place: str
    arguments: tuple[str, ...]
    kind: str
    event: str
    status: int

    @property
    def token(self) -> str:
        """The text or the name of the error."""
        return f"{self.place}-{self.kind}"


WEB: tuple[str, ...] = ()
WORKER = ("worker",)
ENDINGS = [
    *(Ending("open", WEB, kind, "component.open_failed", 3) for kind in KINDS),
    *(Ending("close", WEB, kind, "component.close_failed", 1) for kind in ("plain", "exit", "cancelled")),
    *(Ending("checks", WEB, kind, "service.start_failed", 3) for kind in ("plain", "exit")),
    *(Ending("worker", WORKER, kind, "process.failed", 1) for kind in KINDS),
    *(Ending("command", ("fail",), kind, "command.failed", 1) for kind in KINDS),
    Ending("build", WEB, "plain", "service.start_failed", 3),
    Ending("create", WEB, "plain", "service.start_failed", 3),
    *(Ending("main", WORKER, kind, "process.failed", 1) for kind in ORDINARY),
    Ending("atexit", WORKER, "plain", "finalizer.failed", 0),
    Ending("last_task", WORKER, "plain", "task.failed", 0),
    *(Ending("open", WORKER, kind, "component.open_failed", 3) for kind in ("plain", "cancelled")),
    *(Ending("close", WORKER, kind, "component.close_failed", 1) for kind in ("plain", "cancelled")),
]


@pytest.mark.parametrize("ending", ENDINGS, ids=lambda ending: "-".join((ending.token, *ending.arguments)))
def test_an_error_that_ends_a_process_is_logged_and_reported_once(
    receive: Callable[..., Receiver], ending: Ending
) -> None:
    """Before the end. Other resources are closed, and the exit status is not 0."""
    sentry = receive()
    environment = {"FAILING_PLACE": ending.place, "FAILING_KIND": ending.kind, "SENTRY_DSN": _dsn(sentry)}
    with closing(ServiceProcess([FAILING, *ending.arguments], environment)) as process:
        if ending.place == "close" and not ending.arguments:
            process.started().terminate()
        assert process.wait() == ending.status
        assert process.error == ""
        (line,) = _errors(process.lines, ending.token)
        assert (line["event"], line["level"]) == (ending.event, "error")
        others = [other["event"] for other in process.lines if other["level"] == "error"]
        assert set(others) - {"event_loop.blocked"} == {ending.event}
        assert len(_reports(_events(sentry), ending.token)) == len(_events(sentry)) == 1
        closed = [line["event"] for line in process.lines].count("neighbour.closed")
        assert closed == (0 if ending.place in {"command", "build", "create"} else 1)  # where it was opened


def test_a_start_that_is_stopped_has_not_failed() -> None:
    """Also when the signal interrupts a call that blocks the loop."""
    with closing(ServiceProcess([FAILING], {"FAILING_PLACE": "blocked"})) as process:
        process.wait_for("opening.blocked")
        assert process.terminate() == 0
        assert process.error == ""
        assert [line for line in process.lines if line["level"] == "error"] == []
