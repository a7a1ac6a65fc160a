"""The start waits for the conditions of the components, with the management port open and the service port closed."""

import asyncio
import signal
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import httpx2
import pytest
from starlette.testclient import TestClient

from firstlight import Component, NoSettings, Service, Settings, create_app, nothing
from firstlight.logs import pipeline
from firstlight.server.starting import REASONS, StartError, wait_until_ready
from firstlight.testing import ServiceProcess
from firstlight.testing.lines import Lines

from ..conftest import PROGRAMS
from ..faults import IDENTITY
from ..ports import free_port

Serve = Callable[..., ServiceProcess]

SLOW_START = str(PROGRAMS / "slow_start.py")
SOON_SECONDS = 5.0  # from the cure to the open port; the condition is asked every 0.1 s


class Waiting(NamedTuple):
    """A service that waits for a file."""

    process: ServiceProcess
    file: Path
    url: str
    management_url: str

    def probes(self) -> list[int]:
        """The statuses of the three probes."""
        return [httpx2.get(f"{self.management_url}/health/{name}").status_code for name in ("live", "ready", "startup")]


@pytest.fixture
def waiting(serve: Serve, tmp_path: Path) -> Waiting:
    """The start is delayed."""
    file = tmp_path / "schema"
    port = free_port()
    process = serve(SLOW_START, PORT=str(port), GATE_NEEDS=str(file))
    management_port = process.wait_for("gate.opened")["management_port"]
    process.wait_for("startup.delayed")
    return Waiting(process, file, f"http://127.0.0.1:{port}", f"http://127.0.0.1:{management_port}")


def test_the_start_waits_until_the_condition_holds(waiting: Waiting) -> None:
    """It is alive and not started, nobody connects to the service, and it serves soon after the cure."""
    process = waiting.process
    assert waiting.probes() == [200, 503, 503]
    assert httpx2.get(f"{waiting.management_url}/metrics").status_code == 200
    with pytest.raises(httpx2.ConnectError):
        httpx2.get(waiting.url)
    assert not [line for line in process.lines if line["event"] == "service.started"]

    began = time.monotonic()
    waiting.file.touch()
    process.started()

    assert time.monotonic() - began < SOON_SECONDS
    assert waiting.probes() == [200, 200, 200]
    assert httpx2.get(waiting.url).text == "answer"
    assert process.terminate() == 0
    assert process.error == ""


def test_another_reason_is_logged_as_well(settings: Settings, lines: Lines) -> None:
    """The server is back, and now its schema is too old. Reasons that come again and again are logged once."""
    reasons = ["refused", "refused", "too old", "refused", "too old", *map(str, range(20))]

    async def condition() -> None:
        if reasons:
            raise OSError(reasons.pop(0))

    pipeline.configure(settings, IDENTITY, lines)
    asyncio.run(wait_until_ready({"database": condition}, poll_seconds=0))
    entries = lines.events

    assert [entry["event"] for entry in entries] == ["startup.delayed"] * REASONS + ["startup.resumed"]
    said = [entry["reason"] for entry in entries[:REASONS]]
    assert said == ["OSError: refused", "OSError: too old", *(f"OSError: {number}" for number in range(REASONS - 2))]


def test_the_wait_is_logged_once(waiting: Waiting) -> None:
    """One event when it begins, with the component and the reason and without secrets, and one when it ends."""
    waiting.file.touch()
    waiting.process.started()

    delayed, resumed = [line for line in waiting.process.lines if line["event"].startswith("startup.")]
    assert (delayed["event"], delayed["component"], delayed["level"]) == ("startup.delayed", "gate", "warning")
    assert delayed["reason"] == "FileNotFoundError: schema is missing, password=REDACTED"
    assert (resumed["event"], resumed["component"]) == ("startup.resumed", "gate")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_service_that_is_stopped_while_it_waits_ends_with_status_0(waiting: Waiting, number: signal.Signals) -> None:
    """What is open gets closed, and the last line is written."""
    waiting.process.process.send_signal(number)

    assert waiting.process.wait() == 0
    assert waiting.process.error == ""
    events = [line["event"] for line in waiting.process.lines]
    assert events.index("gate.closed") < events.index("service.stopped")
    assert "service.started" not in events


def test_a_start_without_a_delay_logs_none(serve: Serve) -> None:
    """The condition holds when it is asked first."""
    process = serve(SLOW_START).started()

    assert process.terminate() == 0
    assert not [line for line in process.lines if line["event"].startswith("startup.")]


def test_a_test_does_not_wait_for_ever(settings: Settings, service: Service) -> None:
    """With a limit, the start fails with a sentence that names the component and the reason."""

    async def missing(_: None) -> None:
        msg = "no schema"
        raise LookupError(msg)

    gate = Component(name="gate", settings=NoSettings, open=nothing, ready_to_start=missing)
    app = create_app(settings, replace(service, components=[gate]), start_timeout=0.2)
    sentence = "gate is not ready to start after 0.2 s: LookupError: no schema"
    with pytest.raises(StartError, match=sentence), TestClient(app):
        pass
