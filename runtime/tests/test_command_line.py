"""The command line: processes and commands, errors that stop the start, and exit statuses."""

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
    """A port on which somebody listens, and a free one."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        yield {"TAKEN": str(taken.getsockname()[1]), "FREE": str(free_port())}


@pytest.fixture
def _main_in_this_process() -> Iterator[None]:
    """Restore the interpreter's state that `main` changes."""
    interval = sys.getswitchinterval()
    yield
    sys.setswitchinterval(interval)


def test_a_bad_setting_stops_the_process(serve: Serve) -> None:
    """Exit status 2, one sentence with the variable, nothing on standard output."""
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
    """The sentence on standard error begins with the variable."""
    process = serve(str(FAULTS), **{name: ports.get(value, value) for name, value in environment.items()})

    assert process.wait() == BAD_USE
    error = process.error
    assert re.match(f"sample: {sentence.replace('TAKEN', ports['TAKEN'])}", error)
    assert error.count("\n") == 1
    assert ";" not in error
    assert process.lines == []


class ConnectingSettings(BaseSettings):
    """Settings of a component that try to connect to the service port, and are always refused."""

    model_config = SettingsConfigDict(validate_default=True)

    door: str = "closed"

    @field_validator("door")
    @classmethod
    def connect(cls, _: str) -> str:
        """Raise a `ValueError` with the result of the connection."""
        with socket.socket() as client:
            opened = client.connect_ex(("127.0.0.1", int(os.environ["PORT"]))) == 0
        msg = f"must not meet an open port, and {opened=}"
        raise ValueError(msg)


@pytest.mark.usefixtures("_main_in_this_process")
def test_settings_are_refused_before_the_port_opens(
    service: Service, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], ports: Mapping[str, str]
) -> None:
    """Also those of a component, so that no client connects to a service that will not start."""
    component = Component(name="connecting", settings=ConnectingSettings, open=nothing)
    monkeypatch.setenv("PORT", ports["FREE"])
    monkeypatch.setenv("MANAGEMENT_PORT", "0")

    assert main(replace(service, components=[component]), []) == BAD_USE

    assert "opened=False" in capfd.readouterr().err


class StoppingSettings(BaseSettings):
    """Settings of a component that stop the service while they are read."""

    stop: str = ""

    @field_validator("stop")
    @classmethod
    def send_sigterm(cls, stop: str) -> str:
        """Send SIGTERM before the server handles it."""
        os.kill(os.getpid(), signal.SIGTERM)
        return stop


@pytest.mark.usefixtures("_main_in_this_process")
def test_a_signal_before_the_server_is_there_ends_the_start(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also for process 1 of a container, which ignores SIGTERM until it has a handler."""
    component = Component(name="stopping", settings=StoppingSettings, open=nothing)
    for name, value in {"STOP": "now", "PORT": "0", "MANAGEMENT_PORT": "0"}.items():
        monkeypatch.setenv(name, value)

    with pytest.raises(SystemExit) as left:
        main(replace(service, components=[component]), [])

    assert left.value.code == 0


@pytest.fixture
def run_module(tmp_path: Path) -> Callable[[str], subprocess.CompletedProcess[str]]:
    """Run `main("package.page")` in a separate process, with this source as the page."""
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
    """`main` gets the name of the module, so that the handler is there before the import."""
    ended = run_module("import os, signal\nos.kill(os.getpid(), signal.SIGTERM)\nraise AssertionError('went on')\n")

    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")


def test_the_service_may_be_named_by_its_module(run_module: Callable[[str], subprocess.CompletedProcess[str]]) -> None:
    """The module has it as `SERVICE`. Errors are printed as for any other service."""
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
    """Only the runtime's own errors are one sentence: a bug needs its traceback."""
    ended = run_module("raise ValueError('not ours')\n")

    assert ended.returncode == 1
    assert "Traceback" in ended.stderr
    assert "page.py" in ended.stderr


def test_the_signal_handler_is_set_before_slow_imports() -> None:
    """Libraries that take half a second are imported after that."""
    program = "import sys; from firstlight import main; print(*sys.modules)"

    imported = subprocess.run(  # noqa: S603 - this interpreter
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    ).stdout.split()

    assert "firstlight.command_line" in imported
    assert {"asyncio", "starlette", "pydantic", "opentelemetry", "structlog", "uvicorn"}.isdisjoint(imported)


@pytest.mark.parametrize("arguments", [(), ("web",)], ids=["nothing", "web"])
def test_any_free_port_is_named_in_the_log(serve: Serve, arguments: Sequence[str]) -> None:
    """With `PORT=0`, the first line has the port. SIGTERM ends the process with status 0."""
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
sample: there is no process or command {!r}; choose one of:
  web          Serve requests
  settings     Print every setting with its source
  worker       Wait for jobs
  add          Add numbers
"""


@pytest.mark.parametrize("arguments", [("wroker",), ("web", "now"), ("worker", "now"), ("--version",)], ids=" ".join)
def test_an_unknown_word_is_answered_with_the_known_ones(serve: Serve, arguments: Sequence[str]) -> None:
    """Status 2, and what there is with its summaries; only commands take arguments."""
    process = serve(str(PROGRAMS / "jobs.py"), *arguments)

    assert process.wait() == BAD_USE
    assert process.error == USAGE.format(" ".join(arguments))
    assert process.lines == []


@pytest.mark.parametrize("argument", ["-h", "--help"])
def test_help_lists_what_there_is(argument: str) -> None:
    """On standard output, with status 0."""
    done = subprocess.run(  # noqa: S603 - this interpreter
        [sys.executable, str(PROGRAMS / "jobs.py"), argument], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert all(row in done.stdout for row in USAGE.splitlines()[1:])
    assert done.stdout.startswith("python -m ")


def test_a_provider_that_is_not_installed_stops_no_import(tmp_path: Path) -> None:
    """A page may make its tracer when it is imported; the service sets the provider later."""
    page = tmp_path / "page.py"
    page.write_text("from opentelemetry import trace\ntrace.get_tracer('page')\nraise SystemExit(42)\n")
    program = "import sys; from firstlight import main; sys.exit(main('page'))"
    environment = {**os.environ, "PYTHONPATH": str(tmp_path), "OTEL_PYTHON_TRACER_PROVIDER": "missing"}
    done = subprocess.run(  # noqa: S603 - this interpreter
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (42, "")


def test_a_component_that_does_not_open_stops_the_start(serve: Serve) -> None:
    """Exit status 3, so that it can be tried again, and a line with the reason."""
    process = serve(SCALES, SCALES_FAULT="opening")

    assert process.wait() == FAILED_START
    lines = [str(line) for line in process.lines]
    assert any("no scales" in line for line in lines)
    assert not any("service.started" in line or "hunter2" in line for line in lines)
    assert process.error == ""


def test_a_signal_while_closing_does_not_cut_the_flush(serve: Serve) -> None:
    """After a second SIGTERM, the last lines are written, and the exit status is 0."""
    process = serve(SCALES, SCALES_FAULT="closing").started()

    assert (process.terminate(), process.error) == (0, "")
    assert process.lines[-2]["event"] == "scales.closed"
    assert process.lines[-1]["event"] == "service.stopped"
