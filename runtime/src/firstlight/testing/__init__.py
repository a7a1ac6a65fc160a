"""The pytest plug-in of a service: fixtures for the application in this process, and for the service as a process.

`conftest.py` of a service defines the fixture on which all others depend:

    @pytest.fixture(scope="session")
    def service() -> Service:
        return SERVICE

If the service defines the fixture `declared_answers` as well, which returns `True`, `client` fails when a response
is none that its operation declares. `with_dependency` and `with_resource` replace a dependency or a resource by a fake,
and `firstlight.testing.dependencies` has dependencies that are slow, broken or down.

A component that keeps data gets data of its own for each test. `app` rolls its changes back; a module whose tests need
several connections, or a cancelled statement, overrides `rolled_back` so that it returns `False`.
"""

# Fixtures import the runtime when they need it: coverage does not measure what a plug-in imports when it is loaded.
from collections.abc import Callable, Iterator
from contextlib import ExitStack
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
    from .in_app import InApp
    from .isolation import Isolations
    from .lines import Lines

START_SECONDS = 10.0  # so that a `ready_to_start` that keeps raising fails the test

__all__ = [
    "ServiceProcess",
    "app",
    "client",
    "declared_answers",
    "in_app",
    "isolated_service",
    "isolations",
    "lines",
    "rolled_back",
    "serve",
    "settings",
    "spans",
    "with_dependency",
    "with_resource",
]


@pytest.fixture
def clean_environment(service: "Service", monkeypatch: pytest.MonkeyPatch) -> None:
    """Remove every setting of the service from the environment, so that tests do not depend on the machine."""
    from .environment import variables  # noqa: PLC0415 - see above

    for name in variables(service):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def settings(service: "Service", clean_environment: None) -> "Settings":
    """Settings for an application in this process: free ports, a drain of 0 s, logs as JSON."""
    del clean_environment
    return service.settings(
        **{**service.identity.defaults, "port": 0, "management_port": 0, "drain_seconds": 0, "log_format": "json"}
    )


@pytest.fixture(scope="session")
def isolations(tmp_path_factory: pytest.TempPathFactory) -> Iterator["Isolations"]:
    """The data of components that keep some, prepared at the first use."""
    from .isolation import Isolations  # noqa: PLC0415 - see above

    with Isolations(tmp_path_factory) as isolations:
        yield isolations


@pytest.fixture(scope="session")
def rolled_back() -> bool:
    """Whether the changes of a test are rolled back after it. Otherwise each test gets a copy, which takes longer."""
    return True


@pytest.fixture
def isolated_service(
    service: "Service",
    clean_environment: None,
    isolations: "Isolations",
    rolled_back: bool,  # noqa: FBT001 - a fixture
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator["Service"]:
    """The service as `app` runs it: nothing in its data is of other tests, or of the developer."""
    del clean_environment
    with isolations.isolated(service, separate=not rolled_back) as isolated:
        for name, value in isolated.variables.items():
            monkeypatch.setenv(name, value)
        yield isolated.service


@pytest.fixture
def lines() -> "Lines":
    """The log lines of the application. They are not written to standard output."""
    from .lines import Lines  # noqa: PLC0415 - see above

    return Lines()


@pytest.fixture
def spans() -> "InMemorySpanExporter":
    """The finished spans of the application. All are sampled, unless a setting changes that."""
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter  # noqa: PLC0415

    return InMemorySpanExporter()


@pytest.fixture
def app(
    settings: "Settings", isolated_service: "Service", lines: "Lines", spans: "InMemorySpanExporter"
) -> "Application":
    """The application as the server gets it, not started yet. Raises `SettingsError` and `ArrangementError`."""
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor  # noqa: PLC0415 - see above

    from ..app import create_app  # noqa: PLC0415

    return create_app(
        settings,
        isolated_service,
        log_sink=lines,
        span_processors=[SimpleSpanProcessor(spans)],
        start_timeout=START_SECONDS,
    )


@pytest.fixture(scope="session")
def declared_answers() -> bool:
    """Whether `client` compares each response with what its operation declares. A service switches it on."""
    return False


@pytest.fixture
def client(app: "Application", service: "Service", declared_answers: bool) -> Iterator["TestClient"]:  # noqa: FBT001
    """A client of the running application. An exception in a handler becomes the response that real clients get."""
    from starlette.testclient import TestClient  # noqa: PLC0415 - see above

    from .answers import DeclaredAnswers  # noqa: PLC0415

    with TestClient(app, raise_server_exceptions=False, follow_redirects=False) as client:
        if declared_answers:
            client.event_hooks = {"request": [], "response": [DeclaredAnswers(service).check]}
        yield client


@pytest.fixture
def in_app(client: "TestClient") -> "InApp":
    """Opens the resources of `client` to the test: `in_app(LINK.create, in_app.resource(DATABASE), slug="one")`."""
    from .in_app import InApp  # noqa: PLC0415 - see above

    return InApp(client)


@pytest.fixture
def serve(
    service: "Service", clean_environment: None, isolations: "Isolations"
) -> Iterator[Callable[..., ServiceProcess]]:
    """A function that starts `python -m <package>`: `serve("acme_links", DRAIN_SECONDS="1").started()`.

    Keyword arguments are variables of its environment. It returns a `ServiceProcess`, which is killed after the test.
    All processes of a test share its data.
    """
    from .environment import variables  # noqa: PLC0415 - see above

    del clean_environment
    processes: list[ServiceProcess] = []
    with ExitStack() as stack:
        data: dict[str, str] = {}

        def start(*program: str, **environment: str) -> ServiceProcess:
            if not processes:
                data.update(stack.enter_context(isolations.isolated(service, separate=True)).variables)
            command = ["-m", *program] if program[0].isidentifier() else program
            process = ServiceProcess(command, {**data, **environment}, without=variables(service))
            processes.append(process)
            stack.callback(process.close)
            return process

        yield start
