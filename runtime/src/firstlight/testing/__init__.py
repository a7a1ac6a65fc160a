"""The pytest plug-in of a service: fixtures for the application in this process, and for the service as a process.

`conftest.py` of a service gives the one fixture that all others stand on:

    @pytest.fixture(scope="session")
    def service() -> Service:
        return SERVICE

`with_dependency` and `with_resource` give a service with a fake in it.
"""

# Nothing of the runtime is imported before a fixture needs it: what a plug-in imports, coverage does not see.
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest

from .fakes import with_dependency, with_resource
from .process import ServiceProcess

if TYPE_CHECKING:
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
    from starlette.testclient import TestClient

    from ..app import Application
    from ..service import Service
    from ..settings import Settings
    from .lines import Lines

START_SECONDS = 10.0  # a condition that is not met fails the test, which would wait for ever

__all__ = [
    "ServiceProcess",
    "app",
    "client",
    "lines",
    "serve",
    "settings",
    "spans",
    "with_dependency",
    "with_resource",
]


@pytest.fixture
def clean_environment(service: "Service", monkeypatch: pytest.MonkeyPatch) -> None:
    """Take every setting of the service out of the environment: no test depends on what a machine happens to hold."""
    from .environment import variables  # noqa: PLC0415 - see above

    for name in variables(service):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def settings(service: "Service", clean_environment: None) -> "Settings":
    """Settings for an application in this process: any free port, no waiting."""
    del clean_environment
    return service.settings(
        **{**service.identity.defaults, "port": 0, "management_port": 0, "drain_seconds": 0, "log_format": "json"}
    )


@pytest.fixture
def lines() -> "Lines":
    """Every log line of the application, instead of standard output."""
    from .lines import Lines  # noqa: PLC0415 - see above

    return Lines()


@pytest.fixture
def spans() -> "InMemorySpanExporter":
    """Finished spans of the application; all are sampled unless a setting says otherwise."""
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter  # noqa: PLC0415

    return InMemorySpanExporter()


@pytest.fixture
def app(settings: "Settings", service: "Service", lines: "Lines", spans: "InMemorySpanExporter") -> "Application":
    """The whole application, as the server gets it."""
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor  # noqa: PLC0415 - see above

    from ..app import create_app  # noqa: PLC0415

    return create_app(
        settings,
        service,
        log_sink=lines,
        span_processors=[SimpleSpanProcessor(spans)],
        start_timeout=START_SECONDS,
    )


@pytest.fixture
def client(app: "Application") -> Iterator["TestClient"]:
    """A client of the running application; a failure arrives as the response that a real client would get."""
    from starlette.testclient import TestClient  # noqa: PLC0415 - see above

    with TestClient(app, raise_server_exceptions=False, follow_redirects=False) as client:
        yield client


@pytest.fixture
def serve(service: "Service") -> Iterator[Callable[..., ServiceProcess]]:
    """Start `python -m <package>` with the given settings: `serve("acme_links", DRAIN_SECONDS="1").started()`.

    Every process that a test starts ends with it.
    """
    from .environment import variables  # noqa: PLC0415 - see above

    processes: list[ServiceProcess] = []

    def start(*program: str, **environment: str) -> ServiceProcess:
        command = ["-m", *program] if program[0].isidentifier() else program
        processes.append(ServiceProcess(command, environment, without=variables(service)))
        return processes[-1]

    yield start
    for process in processes:
        process.close()
