"""The stop always ends: it logs what it cut, sends the telemetry, and the exit status is not 0."""

import os
import signal
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from firstlight.testing import ServiceProcess

from ..conftest import PROGRAMS
from .conftest import Receiver, Start, Wire, ask, request, wait_until

HASTY = str(PROGRAMS / "hasty.py")
# The watchdog comes 6.5 s after the graceful timeout otherwise, and the last timer 9 s after it.
SHORT = {"GRACEFUL_SECONDS": "1", "LATE_SECONDS": "0.5", "LAST_SECONDS": "3", "LEAVE_SECONDS": "0.5"}
BLOCKED = {**SHORT, "LATE_SECONDS": "-0.5"}  # where nothing happens before
BUSY_SECONDS = 4.0  # for a machine that is busy with other tests


def _stopped(service: ServiceProcess, seconds: float, number: signal.Signals = signal.SIGTERM) -> int:
    began = time.monotonic()
    service.process.send_signal(number)
    status = service.wait()
    assert seconds <= time.monotonic() - began < seconds + BUSY_SECONDS
    return status


def _processor_seconds(pid: int) -> float:
    """The CPU seconds of the process, from the kernel."""
    fields = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()
    return int(fields[11]) / os.sysconf("SC_CLK_TCK")


@pytest.mark.parametrize("target", ["/sleep", "/query"])
def test_a_blocked_loop_does_not_delay_the_stop(serve: Start, receive: Callable[..., Receiver], target: str) -> None:
    """Whether a signal interrupts the call or not. The request has a line, and other spans are sent."""
    collector = receive()
    service = serve(HASTY, "stuck", OTEL_EXPORTER_OTLP_ENDPOINT=collector.url, **BLOCKED).started()
    ask(service.url, "/nowhere")
    with ThreadPoolExecutor() as pool:
        asked = pool.submit(ask, service.url, target, x_request_id="blocking")
        service.wait_for("loop.blocked")
        assert _stopped(service, 0.5) == 1
        assert asked.exception() is not None
    line = service.wait_for("http.request_finished", request_id="blocking")
    assert (line["error_type"], line["http_route"]) == ("cancelled", target)
    last = service.lines[-1]
    assert (last["event"], last["cut"]) == ("service.stopped", ["event loop", "request blocking"])
    assert {span.name for span in collector.spans} == {"GET", f"GET {target}"}
    assert service.error == ""


def test_a_call_that_holds_the_gil_is_ended_by_a_timer(serve: Start) -> None:
    """No thread can log: the stack is on standard error, and the exit status is 1."""
    service = serve(HASTY, "stuck", **{**BLOCKED, "LAST_SECONDS": "0"}).started()
    with ThreadPoolExecutor() as pool:
        used = _processor_seconds(service.process.pid)
        asked = pool.submit(ask, service.url, "/match")
        wait_until(lambda: _processor_seconds(service.process.pid) > used + 0.2)
        assert _stopped(service, 1) == 1
        assert asked.exception() is not None
    assert "in match" in service.error


@pytest.mark.parametrize(
    ("argument", "event", "field", "value"),
    [
        ("worker", "service.stopped", "cut", ["event loop"]),
        ("run", "command.failed", "reason", "it was told to stop, and did not"),
    ],
)
def test_a_blocked_loop_does_not_delay_other_processes(
    serve: Start, argument: str, event: str, field: str, value: object
) -> None:
    """A worker and a command end in the same way."""
    service = serve(HASTY, "stuck", argument, **BLOCKED)
    service.wait_for("loop.blocked")
    assert _stopped(service, 0.5) == 1
    assert (service.lines[-1]["event"], service.lines[-1][field]) == (event, value)
    assert service.error == ""


def test_a_component_that_does_not_close_does_not_delay_the_stop(serve: Start) -> None:
    """It ignores its cancellation; the watchdog names it."""
    service = serve(HASTY, "stuck", CLOSES="never", CLOSE_SECONDS="0.2", **SHORT).started()
    assert _stopped(service, 1.5) == 1
    assert service.wait_for("close.refused")
    assert service.lines[-1]["cut"] == ["component stuck"]


def test_a_websocket_beyond_the_limit_is_cut(serve: Start) -> None:
    """It gets the drain event at once, and is named if it ignores it."""
    service = serve(HASTY, "stuck", **SHORT).started()
    key = "dGhlIHNhbXBsZSBub25jZQ=="  # of RFC 6455; gitleaks:allow
    with Wire(service.url) as wire:
        upgrade = {"upgrade": "websocket", "connection": "Upgrade", "sec_websocket_version": "13"}
        wire.send(request("/socket", x_request_id="kept", sec_websocket_key=key, **upgrade))
        assert wire.head().status == 101
        assert wire.file.read(len("accepted") + 2).endswith(b"accepted")
        assert service.terminate() == 1
    service.wait_for("websocket.ended")
    assert service.wait_for("websocket.closed")["request_id"] == "kept"
    assert service.lines[-1]["cut"] == ["websocket kept"]
