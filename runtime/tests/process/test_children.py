"""Child processes of a service: what they inherit, what they leave, and that they do not delay the stop."""

import json
import os
import signal
import socket
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from firstlight.testing import ServiceProcess
from firstlight.testing.process import Line

from ..conftest import PROGRAMS
from .conftest import Receiver, Start, ask, wait_until

HASTY = str(PROGRAMS / "hasty.py")
METHODS = ("fork", "spawn", "forkserver")
SHORT = {"LEAVE_SECONDS": "0.5", "GRACEFUL_SECONDS": "1"}
STOP_SECONDS = 5.0  # far from the limit of a stop that something hangs in


class Family(NamedTuple):
    """The output of a process and its children until the end of the process."""

    answers: dict[str, Any]
    lines: list[Line]
    spans: list[str]
    reports: list[Any]
    status: int
    error: str
    seconds: float
    port: int


def _ask(service: ServiceProcess, target: str) -> Any:
    return json.loads(ask(service.url, target).body)


def _events(sentry: Receiver) -> list[Any]:
    items = [json.loads(line) for body in sentry.bodies for line in body.splitlines()]
    return [item for item in items if "exception" in item]


@pytest.fixture(scope="module")
def family(receive: Callable[..., Receiver]) -> Iterator[Family]:
    """A process that starts children in every way, and does not wait for all of them."""
    collector, sentry = receive(), receive()
    dsn = sentry.url.replace("://", "://key@") + "/1"
    environment = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url, "SENTRY_DSN": dsn, "OTEL_BSP_SCHEDULE_DELAY": "60000"}
    with closing(ServiceProcess([HASTY, "children"], environment)) as service:
        service.started()
        targets = {
            "returned": "/process?name=returned&method=fork&end=return&wait=1",
            "left": "/process?name=left&method=fork&end=exit&wait=1",
            "sleeping": "/process?name=sleeping&method=fork&end=sleep",
            "terminated": "/terminate",
            "ended at once": "/at_once",
            "forked": "/fork?name=forked&exit=1",
            "resumed": "/fork?name=resumed",
            **{method: f"/pool?method={method}" for method in METHODS},
            "pooled": "/thread?pooled=1&seconds=0",
            "daemon": "/process?name=daemon&method=fork&end=sleep&daemon=1",
            "program": "/program",
        }
        answers = {}
        for name, target in targets.items():
            if name == "terminated":
                service.wait_for("child.failed", child="sleeping")
            answers[name] = _ask(service, target)
        service.wait_for("child.failed", child="daemon")
        port = int(service.url.rpartition(":")[2])
        began = time.monotonic()
        status = service.terminate()
        seconds = time.monotonic() - began
        spans = [span.name for span in collector.spans]
        yield Family(answers, service.lines, spans, _events(sentry), status, service.error, seconds, port)
        with suppress(ProcessLookupError):
            os.kill(answers["program"]["pid"], signal.SIGKILL)


def test_a_forked_child_has_default_signal_handlers(family: Family) -> None:
    """`terminate` ends it."""
    assert family.answers["terminated"] == {"status": -15}
    worked = [line for line in family.lines if line["event"] == "child.worked"]
    assert len(worked) == 6
    assert {tuple(line["handlers"]) for line in worked} == {("SIG_DFL", "default_int_handler")}


def test_a_signal_to_a_new_child_does_not_reach_the_parent(family: Family) -> None:
    """Also right after the fork, when the child still has the handlers of the parent."""
    assert family.answers["ended at once"] == {"statuses": [-15] * 6}
    assert family.answers["daemon"]


def test_a_forked_child_holds_no_socket(family: Family) -> None:
    """Neither a listening socket nor a client's connection."""
    assert {tuple(line["sockets"]) for line in family.lines if line["event"] == "child.worked"} == {()}


def test_what_a_child_records_arrives_once(family: Family) -> None:
    """Spans, lines and reports of children that return or call `sys.exit`. Those of the parent are not repeated."""
    names = ["returned", "left", "forked", "resumed"]
    assert [family.answers[name]["status"] for name in names] == [0, 3, 4, 0]
    lines = Counter(line["child"] for line in family.lines if line["event"] == "child.failed")
    assert lines == dict.fromkeys([*names, "sleeping", "daemon"], 1)
    spans = Counter(name for name in family.spans if name.startswith("work "))
    assert spans == {f"work {name}": 1 for name in names}
    reports = Counter(report["exception"]["values"][-1]["value"].rpartition(" ")[2] for report in family.reports)
    assert {name: reports[f"'{name}'"] for name in names} == dict.fromkeys(names, 1)
    requests = Counter(line["request_id"] for line in family.lines if line["event"] == "http.request_finished")
    assert set(requests.values()) == {1}
    assert Counter(family.spans)["GET /fork"] == 2


def test_children_do_not_delay_the_stop(family: Family) -> None:
    """Neither idle pools nor a daemon nor another program. Only the parent closes its resources."""
    assert family.status == 0
    assert family.error == ""
    assert family.seconds < STOP_SECONDS
    closed = [line["pid"] for line in family.lines if line["event"] == "resource.closed"]
    called = [line["pid"] for line in family.lines if line["event"] == "handler.called"]
    assert len(closed) == 1
    assert called.count(closed[0]) == 1
    assert "process.left" not in {line["event"] for line in family.lines}


def test_the_port_is_free_at_once(family: Family) -> None:
    """Also when a program that the service has started is still running."""
    assert Path(f"/proc/{family.answers['program']['pid']}").exists()
    with socket.create_server(("127.0.0.1", family.port)):
        pass


def test_a_program_inherits_no_descriptor(family: Family) -> None:
    """Not even with `close_fds=False`."""
    listed = [line.split()[8] for line in family.answers["program"]["descriptors"].splitlines()[1:]]
    assert listed == ["0", "1", "2", "3"]  # the last one is that of the listing


LEFT = {
    "thread": "/thread?seconds=60",
    "pooled": "/thread?seconds=60&pooled=1",
    "busy": "/pool?method=fork&busy=1",
    "child": "/process?name=child&method=fork&end=sleep",
}


@pytest.mark.parametrize("what", LEFT)
def test_threads_and_children_that_do_not_end_are_named(serve: Start, what: str) -> None:
    """`atexit` handlers run once, the exit status is 1, and no child is left."""
    service = serve(HASTY, "children", **SHORT).started()
    _ask(service, LEFT[what])
    children = _children(service.process.pid)
    began = time.monotonic()
    assert service.terminate() == 1
    assert time.monotonic() - began < STOP_SECONDS
    assert service.error == ""
    left = service.wait_for("process.left")
    assert len(left["children"]) == {"busy": 2, "child": 1}.get(what, 0)
    assert bool(left["threads"]) is (what != "child")
    pids = [line["pid"] for line in service.lines if line["event"] == "handler.called"]
    assert pids == [service.process.pid]
    wait_until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in children))


def _children(pid: int) -> list[str]:
    return [child for task in Path(f"/proc/{pid}/task").iterdir() for child in (task / "children").read_text().split()]
