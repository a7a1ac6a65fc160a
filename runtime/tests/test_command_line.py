"""The process: what stops its start, and with which status it ends."""

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import uvicorn
from pydantic import field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from firstlight import app
from firstlight.command_line import main
from firstlight.component import Component
from firstlight.settings import IDENTITY

if TYPE_CHECKING:
    from .conftest import Service

    Serve = Callable[..., Service]

BAD_SETTING = 2
FAILED_START = 3

# What a component does to its service, told by a program of its own: `open` is filled in.
PROGRAM = """
import os, signal, sys
from contextlib import asynccontextmanager

import structlog
from pydantic_settings import BaseSettings
from firstlight import app
from firstlight.command_line import main
from firstlight.component import Component

log = structlog.get_logger()

@asynccontextmanager
async def scales(_):
    OPEN

app.COMPONENTS = (Component(name="scales", settings=BaseSettings, open=scales, checks=lambda _: ()),)
sys.exit(main())
"""


@pytest.fixture
def ports() -> Iterator[Mapping[str, str]]:
    """A port that somebody listens on, and one that nobody does."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        with socket.create_server(("127.0.0.1", 0)) as free:
            numbers = {"TAKEN": taken.getsockname()[1], "FREE": free.getsockname()[1]}
        yield {name: str(number) for name, number in numbers.items()}


def _run(tmp_path: Path, opening: str) -> tuple[int, list[str], str]:
    """Status, lines and errors of the service with this component, told to stop once it has started."""
    program = tmp_path / "program.py"
    program.write_text(PROGRAM.replace("OPEN", opening.replace("\n", "\n    ")))
    environment = {"PORT": "0", "MANAGEMENT_PORT": "0", "DRAIN_SECONDS": "0", "LOG_FORMAT": "json"}
    with subprocess.Popen(  # noqa: S603 - our own program
        [sys.executable, str(program)],
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        lines = []
        for line in process.stdout:
            lines.append(line)
            if '"service.started"' in line:
                process.terminate()
        return process.wait(20), lines, process.stderr.read()


@pytest.fixture
def _never_serve(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """`main` in this process: what should have stopped the start must not end in a server that runs for ever."""
    handler, interval = signal.getsignal(signal.SIGTERM), sys.getswitchinterval()
    monkeypatch.setattr(uvicorn.Server, "run", lambda *_, **__: None)
    monkeypatch.setenv("PORT", "0")
    monkeypatch.setenv("MANAGEMENT_PORT", "0")
    yield
    signal.signal(signal.SIGTERM, handler)
    sys.setswitchinterval(interval)


def test_a_bad_setting_stops_the_process(serve: "Serve") -> None:
    """Status 2, one sentence that names the variable, nothing on standard output."""
    service = serve(faults=False, LOG_LEVEL="loud")

    assert service.wait() == BAD_SETTING
    assert service.error == (
        f"{IDENTITY['name']}: LOG_LEVEL must be 'debug', 'info', 'warning' or 'error', not 'loud'\n"
    )
    assert service.lines == []


@pytest.mark.usefixtures("_never_serve")
@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({"PORT": "http"}, "PORT must be "),
        ({"SLO_LATENCY_SECONDS": "0.3"}, "SLO_LATENCY_SECONDS must be "),
        ({"PORT": "TAKEN"}, "PORT TAKEN "),
        ({"MANAGEMENT_PORT": "TAKEN"}, "MANAGEMENT_PORT TAKEN "),
        ({"MANAGEMENT_PORT": "FREE", "PORT": "FREE"}, "(MANAGEMENT_)?PORT "),
        ({"HOST": "192.0.2.1"}, "(MANAGEMENT_)?HOST "),  # an address of no machine (RFC 5737)
        ({"MANAGEMENT_HOST": "192.0.2.1"}, "MANAGEMENT_HOST "),
    ],
    ids=str,
)
def test_names_what_stops_the_start(
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    ports: Mapping[str, str],
    environment: Mapping[str, str],
    said: str,
) -> None:
    """The variable comes first in the one sentence on standard error."""
    for name, value in environment.items():
        monkeypatch.setenv(name, ports.get(value, value))

    status = main()

    output, error = capfd.readouterr()
    assert (status, output) == (BAD_SETTING, "")
    assert re.match(f"{IDENTITY['name']}: {said.replace('TAKEN', ports['TAKEN'])}", error)
    assert error.count("\n") == 1
    assert ";" not in error


class Curious(BaseSettings):
    """A component's settings that try the door of the service, and are never content."""

    model_config = SettingsConfigDict(validate_default=True)

    door: str = "closed"

    @field_validator("door")
    @classmethod
    def try_it(cls, _: str) -> str:
        """Raises what a bad value raises, with what came of it."""
        with socket.socket() as client:
            opened = client.connect_ex(("127.0.0.1", int(os.environ["PORT"]))) == 0
        msg = f"must not see an open port, and {opened=}"
        raise ValueError(msg)


@asynccontextmanager
async def _open_nothing(_: BaseSettings) -> AsyncIterator[None]:
    yield


@pytest.mark.usefixtures("_never_serve")
def test_settings_are_refused_before_the_port_opens(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], ports: Mapping[str, str]
) -> None:
    """Those of a component, too: nobody connects to a service that is not going to start."""
    curious = Component(name="curious", settings=Curious, open=_open_nothing, checks=lambda _: ())
    monkeypatch.setattr(app, "COMPONENTS", (curious,))
    monkeypatch.setenv("PORT", ports["FREE"])

    assert main() == BAD_SETTING
    assert "opened=False" in capfd.readouterr().err


class Impatient(BaseSettings):
    """A component's settings, during which somebody wants the service to stop."""

    patience: str = ""

    @field_validator("patience")
    @classmethod
    def lose_it(cls, patience: str) -> str:
        """The signal arrives before the server could take it."""
        os.kill(os.getpid(), signal.SIGTERM)
        return patience


@pytest.mark.usefixtures("_never_serve")
def test_a_signal_before_the_server_is_there_ends_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also for the first process of a container, which ignores SIGTERM until somebody handles it."""
    impatient = Component(name="impatient", settings=Impatient, open=_open_nothing, checks=lambda _: ())
    monkeypatch.setattr(app, "COMPONENTS", (impatient,))
    monkeypatch.setenv("PATIENCE", "none")

    with pytest.raises(SystemExit) as left:
        main()

    assert left.value.code == 0


def test_any_free_port_is_named_in_the_log(serve: "Serve") -> None:
    """`PORT=0`: the first line says which one it became. A SIGTERM then ends the process with status 0."""
    service = serve(faults=False).started()

    assert service.get("/nowhere").status_code == 404
    assert service.manage("/health/ready").status_code == 200
    assert service.terminate() == 0
    assert service.error == ""
    assert [line["event"] for line in service.lines] == [
        "service.started",
        "http.request_finished",
        "service.drain_started",
        "service.drain_finished",
        "service.stopped",
    ]


def test_a_component_that_does_not_open_stops_the_start(tmp_path: Path) -> None:
    """Not a bad setting: another status, so that it is tried again, and a line that says why."""
    status, lines, error = _run(tmp_path, 'raise ConnectionError("no scales, password=hunter2")\nyield')

    assert status == FAILED_START
    assert any("no scales" in line for line in lines)
    assert not any("service.started" in line or "hunter2" in line for line in lines)
    assert error == ""


def test_a_signal_while_closing_does_not_cut_the_flush(tmp_path: Path) -> None:
    """The last lines come out, and the status stays 0, although somebody sends SIGTERM once more."""
    status, lines, error = _run(tmp_path, "yield\nos.kill(os.getpid(), signal.SIGTERM)\nlog.info('scales.closed')")

    assert (status, error) == (0, "")
    assert any('"scales.closed"' in line for line in lines)
    assert '"service.stopped"' in lines[-1]
