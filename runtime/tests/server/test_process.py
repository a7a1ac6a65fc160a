"""Processes beside the web process: the management port, the drain, and the exit status."""

import signal
import socket
import time
from collections.abc import Callable

import httpx2
import pytest

from firstlight.testing import ServiceProcess
from firstlight.testing.process import Line

from ..conftest import PROGRAMS
from ..ports import free_port

Serve = Callable[..., ServiceProcess]

JOBS = str(PROGRAMS / "jobs.py")
COMPONENTS = 5
SHUTDOWN_SECONDS = 10.0  # a stopped process is gone by then, whatever its work does


def _events(process: ServiceProcess) -> list[str]:
    return [line["event"] for line in process.lines]


def _positions(process: ServiceProcess, *events: str) -> list[int]:
    return [_events(process).index(event) for event in events]


def test_answers_on_a_management_port_of_its_own(serve: Serve) -> None:
    """The port of its kind in the identity, when the environment names none; and there is no service port."""
    port = free_port()

    process = serve(JOBS, "worker", MANAGEMENT_PORT="", WORKER_PORT=str(port)).started()

    assert process.management_url == f"http://127.0.0.1:{port}"
    assert process.manage("/health/ready").status_code == 200
    assert process.manage("/health").json()["serviceId"] == "sample"
    assert "service_ready 1.0" in process.manage("/metrics").text
    assert process.wait_for("service.started")["port"] == 0
    process.wait_for("ticked")  # it says that it runs in this kind of process


def test_work_in_flight_finishes_after_sigterm(serve: Serve) -> None:
    """In the drain it is alive and not ready; the end of the work is the end of the process."""
    process = serve(JOBS, "worker", JOBS_WORK="hang", GRACEFUL_SECONDS="600").started()
    process.wait_for("work.began")
    process.process.send_signal(signal.SIGTERM)
    process.wait_for("work.told")
    assert process.manage("/health/ready").status_code == 503
    assert process.manage("/health/live").status_code == 200
    assert process.manage("/health").json()["draining"] is True
    process.close()

    process = serve(JOBS, "worker").started()
    process.wait_for("work.began")
    assert process.terminate() == 0
    assert process.error == ""
    order = ("service.drain_started", "work.told", "work.done", "service.drain_finished", "closed", "service.stopped")
    positions = _positions(process, *order)
    assert positions == sorted(positions)
    assert _events(process)[-1] == "service.stopped"
    assert _events(process).count("closed") == COMPONENTS


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_either_signal_starts_the_drain_once(serve: Serve, number: signal.Signals) -> None:
    """More of them change nothing."""
    process = serve(JOBS, "worker").started()
    process.wait_for("work.began")

    for _ in range(3):
        process.process.send_signal(number)
    process.wait_for("work.told")
    process.process.send_signal(number)

    assert process.wait() == 0
    assert process.error == ""
    assert _events(process).count("service.drain_started") == 1


def test_work_that_ends_by_itself_ends_the_process(serve: Serve) -> None:
    """A process may have nothing left to do: status 0, everything closed, and no drain."""
    process = serve(JOBS, "worker", JOBS_WORK="finish")

    assert process.wait() == 0
    assert process.error == ""
    assert _events(process).count("closed") == COMPONENTS
    assert _events(process)[-1] == "service.stopped"
    assert not {"service.drain_started", "service.drain_finished"} & {*_events(process)}


def _cut(process: ServiceProcess) -> Line:
    process.wait_for("work.began")
    began = time.monotonic()
    assert process.terminate() == 1
    assert time.monotonic() - began < SHUTDOWN_SECONDS
    assert process.error == ""
    assert _events(process).count("closed") == COMPONENTS
    return process.wait_for("process.cut")


@pytest.mark.parametrize("work", ["hang", "refuse", "stay", "thread"])
def test_work_beyond_the_limit_is_cut(serve: Serve, work: str) -> None:
    """Status 1 and an event, whether it ends as cancelled, returns as if done, goes on, or blocks a thread."""
    process = serve(JOBS, "worker", JOBS_WORK=work, GRACEFUL_SECONDS="1").started()

    line = _cut(process)

    assert (line["process"], line["graceful_seconds"], line["level"]) == ("worker", 1, "error")
    assert "process.failed" not in _events(process)
    if work == "refuse":  # what it does to clean up still has the components
        positions = _positions(process, "process.cut", "work.done", "closed")
        assert positions == sorted(positions)


def test_work_that_fails_ends_the_process_with_status_1(serve: Serve) -> None:
    """One event with the traceback, without secrets; everything is closed."""
    process = serve(JOBS, "worker", JOBS_WORK="fail")

    assert process.wait() == 1
    assert process.error == ""
    line = process.wait_for("process.failed", process="worker", level="error")
    assert "RuntimeError: on demand, password=REDACTED" in line["exception"]
    assert _events(process).count("process.failed") == 1
    assert _events(process).count("closed") == COMPONENTS
    assert _events(process)[-1] == "service.stopped"


def test_a_component_that_does_not_open_stops_the_start(serve: Serve) -> None:
    """Status 3 and an event, as for the web process; what was open is closed."""
    process = serve(JOBS, "worker", JOBS_OPENS="false")

    assert process.wait() == 3
    assert process.error == ""
    line = process.wait_for("component.open_failed", component="jobs")
    assert "ConnectionError: no queue, password=REDACTED" in line["exception"]
    assert "process.failed" not in _events(process)
    assert _events(process).count("opened") == _events(process).count("closed") == 3
    assert not {"service.started", "work.began"} & {*_events(process)}


def test_a_component_that_does_not_close_fails_the_process(serve: Serve) -> None:
    """Status 1 and an event; the others are closed."""
    process = serve(JOBS, "worker", JOBS_WORK="finish", JOBS_CLOSES="false")

    assert process.wait() == 1
    assert process.error == ""
    line = process.wait_for("component.close_failed", component="jobs")
    assert "ConnectionError: queue is gone" in line["exception"]
    assert "process.failed" not in _events(process)
    assert _events(process).count("closed") == COMPONENTS


def test_a_management_port_in_use_is_a_bad_setting(serve: Serve) -> None:
    """Status 2 and one sentence, as for the web process."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        process = serve(JOBS, "worker", MANAGEMENT_PORT=str(port))

        assert process.wait() == 2
        said = "cannot be opened: Address already in use (set MANAGEMENT_PORT to a free one)"
        assert process.error == f"sample: MANAGEMENT_PORT {port} {said}\n"
        assert process.lines == []


def test_a_bad_setting_of_a_component_stops_the_process(serve: Serve) -> None:
    """Before anything is open."""
    process = serve(JOBS, "worker", JOBS_WORK="sleep")

    assert process.wait() == 2
    assert process.error.startswith("sample: JOBS_WORK must be 'wait', ")
    assert process.lines == []


def test_the_service_port_is_closed(serve: Serve) -> None:
    """A port in `PORT` is not opened: it belongs to the web process on the same machine."""
    port = free_port()
    process = serve(JOBS, "worker", PORT=str(port)).started()

    with pytest.raises(httpx2.ConnectError):
        httpx2.get(f"http://127.0.0.1:{port}/")

    assert process.terminate() == 0
