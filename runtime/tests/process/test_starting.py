"""The start: from the first instruction to the first request."""

import json
import re
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

from firstlight.testing import ServiceProcess

from ..conftest import PROGRAMS
from .conftest import Start, UnreadProcess, ask, wait_until

SLOW_START = PROGRAMS / "slow_start.py"
PROBES = ("/health/live", "/health/ready", "/health/startup")


def _starting(serve: Start) -> tuple[ServiceProcess, str]:
    """A service whose component is opening, and its management port."""
    service = serve(str(SLOW_START), GATE_CLOSED="true")
    management_port = service.wait_for("gate.reached")["management_port"]
    return service, f"http://127.0.0.1:{management_port}"


def test_probes_answer_while_a_component_is_opening(serve: Start) -> None:
    """The process is live, neither started nor ready."""
    service, url = _starting(serve)
    assert [ask(url, probe).status for probe in PROBES] == [200, 503, 503]
    assert ask(url, "/metrics").status == 200
    service.process.send_signal(signal.SIGUSR1)
    service.started()
    assert [ask(url, probe).status for probe in PROBES] == [200, 200, 200]
    assert ask(service.url, "/").status == 200


def test_ready_means_that_the_port_is_open(launch: Callable[..., UnreadProcess]) -> None:
    """A request right after readiness is answered."""
    service = launch(subprocess.DEVNULL, SLOW_START, LISTENS="late")
    assert ask(service.url, "/").status == 200


def test_a_service_that_is_stopped_while_it_starts_ends_with_status_0(serve: Start) -> None:
    """SIGTERM does not wait for a component that may never open."""
    service, _ = _starting(serve)
    assert service.terminate() == 0
    assert "service.stopped" in [line["event"] for line in service.lines]
    assert [line for line in service.lines if line["level"] == "error"] == []
    assert service.error == ""


def test_the_console_format_is_readable(launch: Callable[..., UnreadProcess]) -> None:
    """Control characters of a client do not reach the terminal."""
    service = launch(subprocess.PIPE, LOG_FORMAT="console")
    assert ask(service.url, "/x%1b%5B2J%0aforged").status == 404
    assert ask(service.url, "/faults/reveal").status == 500
    assert service.terminate() == 0
    assert service.process.stdout is not None
    lines = service.process.stdout.read().decode().splitlines()
    assert not any(line.startswith(("{", "forged")) for line in lines)
    assert "\x1b[2J" not in "".join(lines)
    assert [line for line in lines if re.search(r" GET /x\S*forged 404 \d+\.\d ms$", line)]
    assert [line for line in lines if line.startswith("RuntimeError: no answer")]
    assert "service.stopped" in lines[-1]


def test_a_higher_level_hides_access_lines_and_keeps_errors(quiet: tuple[UnreadProcess, Path]) -> None:
    """With `LOG_LEVEL=warning`."""
    service, path = quiet
    assert ask(service.url, "/faults/none", x_request_id="well").status == 200
    assert ask(service.url, "/faults/fail", x_request_id="ill").status == 500
    wait_until(lambda: b'"http.request_failed"' in path.read_bytes())
    lines = [json.loads(line) for line in path.read_bytes().splitlines()]
    assert {(line["event"], line["request_id"]) for line in lines} == {
        ("http.request_finished", "ill"),
        ("http.request_failed", "ill"),
    }
