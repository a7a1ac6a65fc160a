"""The command line: what it runs, what stops the start, and with which status the process ends."""

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from firstlight import Component, Service, main, nothing
from firstlight.testing import ServiceProcess

from .conftest import FAULTS, PROGRAMS, TIMEOUT_SECONDS
from .ports import free_port

Serve = Callable[..., ServiceProcess]

BAD_USE = 2
FAILED_START = 3
SCALES = str(PROGRAMS / "scales.py")


@pytest.fixture
def ports() -> Iterator[Mapping[str, str]]:
    """A port that somebody listens on, and one that nobody does."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        yield {"TAKEN": str(taken.getsockname()[1]), "FREE": str(free_port())}


@pytest.fixture
def _main_in_this_process() -> Iterator[None]:
    """Give the interpreter back what `main` changes."""
    handler, interval = signal.getsignal(signal.SIGTERM), sys.getswitchinterval()
    yield
    signal.signal(signal.SIGTERM, handler)
    sys.setswitchinterval(interval)


def test_a_bad_setting_stops_the_process(serve: Serve) -> None:
    """Status 2, one sentence that names the variable, nothing on standard output."""
    process = serve(str(FAULTS), LOG_LEVEL="loud")

    assert process.wait() == BAD_USE
    assert process.error == "sample: LOG_LEVEL must be 'debug', 'info', 'warning' or 'error', not 'loud'\n"
    assert process.lines == []


@pytest.mark.parametrize(
    ("environment", "sentence"),
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
    serve: Serve, ports: Mapping[str, str], environment: Mapping[str, str], sentence: str
) -> None:
    """The variable comes first in the one sentence on standard error."""
    process = serve(str(FAULTS), **{name: ports.get(value, value) for name, value in environment.items()})

    assert process.wait() == BAD_USE
    error = process.error
    assert re.match(f"sample: {sentence.replace('TAKEN', ports['TAKEN'])}", error)
    assert error.count("\n") == 1
    assert ";" not in error
    assert process.lines == []


class ConnectingSettings(BaseSettings):
    """Settings of a component that connect to the service port, and are always refused."""

    model_config = SettingsConfigDict(validate_default=True)

    door: str = "closed"

    @field_validator("door")
    @classmethod
    def connect(cls, _: str) -> str:
        """Raises what a bad value raises, with the outcome."""
        with socket.socket() as client:
            opened = client.connect_ex(("127.0.0.1", int(os.environ["PORT"]))) == 0
        msg = f"must not meet an open port, and {opened=}"
        raise ValueError(msg)


@pytest.mark.usefixtures("_main_in_this_process")
def test_settings_are_refused_before_the_port_opens(
    service: Service, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], ports: Mapping[str, str]
) -> None:
    """Those of a component, too: nobody connects to a service that is not going to start."""
    component = Component(name="connecting", settings=ConnectingSettings, open=nothing)
    monkeypatch.setenv("PORT", ports["FREE"])
    monkeypatch.setenv("MANAGEMENT_PORT", "0")

    assert main(replace(service, components=[component]), []) == BAD_USE

    assert "opened=False" in capfd.readouterr().err


class StoppingSettings(BaseSettings):
    """Settings of a component that are read when somebody stops the service."""

    stop: str = ""

    @field_validator("stop")
    @classmethod
    def send_sigterm(cls, stop: str) -> str:
        """The signal arrives before the server could take it."""
        os.kill(os.getpid(), signal.SIGTERM)
        return stop


@pytest.mark.usefixtures("_main_in_this_process")
def test_a_signal_before_the_server_is_there_ends_the_start(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also for the first process of a container, which ignores SIGTERM until it has a handler."""
    component = Component(name="stopping", settings=StoppingSettings, open=nothing)
    for name, value in {"STOP": "now", "PORT": "0", "MANAGEMENT_PORT": "0"}.items():
        monkeypatch.setenv(name, value)

    with pytest.raises(SystemExit) as left:
        main(replace(service, components=[component]), [])

    assert left.value.code == 0


@pytest.fixture
def run_module(tmp_path: Path) -> Callable[[str], subprocess.CompletedProcess[str]]:
    """Run `main("package.page")` in a process of its own, with this source as the page."""
    package = tmp_path / "package"
    package.mkdir()
    (package / "__init__.py").touch()

    def run(source: str) -> subprocess.CompletedProcess[str]:
        (package / "page.py").write_text(source)
        command = [sys.executable, "-c", "import sys; from firstlight import main; sys.exit(main('package.page'))"]
        environment = {**os.environ, "PYTHONPATH": str(tmp_path), "PORT": "0", "MANAGEMENT_PORT": "0"}
        return subprocess.run(  # noqa: S603 - the service under test
            command, env=environment, capture_output=True, text=True, check=False, timeout=TIMEOUT_SECONDS
        )

    return run


def test_a_signal_while_the_service_is_imported_ends_the_start(
    run_module: Callable[[str], subprocess.CompletedProcess[str]],
) -> None:
    """`main` gets the name of the module for this: the handler is there before the import begins."""
    ended = run_module("import os, signal\nos.kill(os.getpid(), signal.SIGTERM)\nraise AssertionError('went on')\n")

    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")


def test_the_service_may_be_named_by_its_module(run_module: Callable[[str], subprocess.CompletedProcess[str]]) -> None:
    """It is the value `SERVICE`, and errors are those of any other service."""
    source = """
from firstlight import Component, Identity, NoSettings, Service, nothing

LINKS = Component(name="links", settings=NoSettings, open=nothing, requires=["db"])
SERVICE = Service(identity=Identity(name="sample", version="1"), components=[LINKS])
"""

    ended = run_module(source)

    assert ended.returncode == BAD_USE
    assert ended.stderr == "sample: links requires db; add it to `components` before links\n"


def test_a_mistake_in_the_module_shows_its_traceback(
    run_module: Callable[[str], subprocess.CompletedProcess[str]],
) -> None:
    """Only what the runtime refuses is one sentence: a bug needs its place."""
    ended = run_module("raise ValueError('not ours')\n")

    assert ended.returncode == 1
    assert "Traceback" in ended.stderr
    assert "page.py" in ended.stderr


def test_a_signal_is_heard_before_the_libraries_are_imported() -> None:
    """What takes half a second to import is imported after the handler is there."""
    program = "import sys; from firstlight import main; print(*sys.modules)"

    imported = subprocess.run(  # noqa: S603 - this interpreter
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    ).stdout.split()

    assert "firstlight.command_line" in imported
    assert {"asyncio", "starlette", "pydantic", "opentelemetry", "structlog", "uvicorn"}.isdisjoint(imported)


@pytest.mark.parametrize("arguments", [(), ("web",)], ids=["nothing", "web"])
def test_any_free_port_is_named_in_the_log(serve: Serve, arguments: Sequence[str]) -> None:
    """`PORT=0`: the first line tells which one it became. A SIGTERM then ends the process with status 0."""
    process = serve(SCALES, *arguments).started()

    assert process.get("/nowhere").status_code == 404
    assert process.manage("/health/ready").status_code == 200
    assert process.terminate() == 0
    assert process.error == ""
    assert [line["event"] for line in process.lines] == [
        "service.started",
        "http.request_finished",
        "service.drain_started",
        "service.drain_finished",
        "scales.closed",
        "service.stopped",
    ]


USAGE = """\
sample: there is no process or command {!r}; there is:
  web          Serve requests
  settings     Print every setting with its source
  worker       Wait for jobs
  add          Add numbers
"""


@pytest.mark.parametrize("arguments", [("wroker",), ("web", "now"), ("worker", "now"), ("--help",)], ids=" ".join)
def test_an_unknown_word_is_answered_with_the_known_ones(serve: Serve, arguments: Sequence[str]) -> None:
    """Status 2, and what there is with its summaries; only commands take arguments."""
    process = serve(str(PROGRAMS / "jobs.py"), *arguments)

    assert process.wait() == BAD_USE
    assert process.error == USAGE.format(" ".join(arguments))
    assert process.lines == []


def test_a_component_that_does_not_open_stops_the_start(serve: Serve) -> None:
    """Not a bad setting: another status, so that it is tried again, and a line that tells why."""
    process = serve(SCALES, SCALES_FAULT="opening")

    assert process.wait() == FAILED_START
    lines = [str(line) for line in process.lines]
    assert any("no scales" in line for line in lines)
    assert not any("service.started" in line or "hunter2" in line for line in lines)
    assert process.error == ""


def test_a_signal_while_closing_does_not_cut_the_flush(serve: Serve) -> None:
    """The last lines are written, and the status stays 0, although SIGTERM arrives once more."""
    process = serve(SCALES, SCALES_FAULT="closing").started()

    assert (process.terminate(), process.error) == (0, "")
    assert process.lines[-2]["event"] == "scales.closed"
    assert process.lines[-1]["event"] == "service.stopped"
