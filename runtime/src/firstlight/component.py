"""Components: the parts of a service. One frozen value declares the resource, checks, routes and work of each part.

A feature of the team is a value of the same type: type checkers know that `LINKS.of(request)` is a `LinkStore`.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager, asynccontextmanager
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any, Generic, TypeVar, cast

from pydantic_settings import BaseSettings
from starlette.requests import HTTPConnection
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, ExceptionHandler

from .identity import Identity
from .lifecycle import Lifecycle
from .management.check import Check
from .operations.operation import Operation
from .section import Section
from .settings import Settings

ConfigT = TypeVar("ConfigT", bound=BaseSettings)
ResourceT = TypeVar("ResourceT")
Requirement = str | tuple[str, ...]  # the name of a component, or a group of names of which one must be there
Wrap = Callable[[ASGIApp, Operation | None], ASGIApp]


class NoSettings(BaseSettings):
    """The settings class of a component without settings."""


class Layer(Enum):
    """Where a component's middleware runs, from the outside in. Two components cannot use the same layer.

    The first layer wraps the router: its middleware sees every request, including those that match no route, and gets
    no operation. The other layers wrap each route: their middleware gets the operation, and their refusals are
    labelled with the route.
    """

    LIMIT_BY_ADDRESS = "around the router"
    OBSERVE = "around each route, first"
    AUTHENTICATE = "around each route, second"
    LIMIT_BY_CALLER = "around each route, third"
    IDEMPOTENCY = "around each route, fourth"
    CACHE = "around each route, last"

    @property
    def wraps_the_router(self) -> bool:
        """Whether the middleware wraps the router, and not each route."""
        return self is Layer.LIMIT_BY_ADDRESS


@dataclass(frozen=True, slots=True)
class Surroundings(Generic[ConfigT]):
    """The argument of a component's `open`, and of background tasks, commands and processes."""

    settings: ConfigT
    """The settings of the component; those of the service for work that the service itself declares."""
    service: Settings
    """The settings of the service."""
    resources: Mapping[str, Any]
    """The resources opened so far, by component name. `COMPONENT.of(surroundings)` returns one with its type."""
    lifecycle: Lifecycle
    """`await lifecycle.drain_began()` returns when the process has been told to stop."""
    identity: Identity
    """Name, version and package of the service."""


@dataclass(frozen=True, slots=True)
class Background:
    """A coroutine function that runs beside the requests. Failures are logged and counted, and it is started again.

    With `every_seconds` it is called again that many seconds after each return. Without, it is called once, and may run
    until it is cancelled. Its health check fails after an error, until a run has succeeded or has lasted 60 s.
    """

    name: str
    run: Callable[[Surroundings[Any]], Awaitable[object]]
    every_seconds: float | None = None
    processes: Sequence[str] = ("web",)
    """The kinds of process in which it runs."""


@dataclass(frozen=True, slots=True)
class Command:
    """`python -m <package> <name> [arguments]`: runs `run`; then the process ends.

    Open are its component, and those that this one requires or uses.
    """

    run: Callable[[Surroundings[Any], Sequence[str]], Awaitable[object]]
    """Raises `UsageError` for arguments that it does not take."""
    summary: str
    with_dependants: bool = False
    """Whether the components that require or use its own one are open as well."""


@dataclass(frozen=True, slots=True)
class Process:
    """`python -m <package> <name>`: another kind of process, with a management port and without a service port.

    `run` gets the open components. It should return soon after the drain began, and is cancelled `GRACEFUL_SECONDS`
    later.
    """

    run: Callable[[Surroundings[Any]], Awaitable[object]]
    summary: str


@asynccontextmanager
async def nothing(_: Surroundings[Any]) -> AsyncIterator[None]:
    """The `open` of a component without a resource."""
    yield


@dataclass(frozen=True, slots=True)
class Isolated(Generic[ConfigT, ResourceT]):
    """How one test opens a component that keeps data, so that it sees nothing of other tests."""

    open: Callable[[Surroundings[ConfigT]], AbstractAsyncContextManager[ResourceT]]
    """Takes the place of the component's `open`."""
    variables: Mapping[str, str]
    """The environment that its settings are read from, such as `DATABASE_URL`."""


Isolate = Callable[[bool], AbstractContextManager[Isolated[ConfigT, ResourceT]]]
"""Called for each test, with true if nothing of the data may be shared, because another process uses it as well."""
ForTests = Callable[
    ["Component[ConfigT, ResourceT]", Identity, Path], AbstractContextManager[Isolate[ConfigT, ResourceT]]
]


def _no_checks(_: Any) -> Sequence[Check]:
    return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Component(Generic[ConfigT, ResourceT]):
    """A part of the service. `name`, `settings` and `open` are required.

    The constructor validates nothing; the start of the service does, and ends with one sentence (`ArrangementError`).
    """

    name: str
    """Key of the resource, and prefix of metrics and settings. Lower case with underscores."""
    settings: type[ConfigT]
    """The settings class. Its validators refuse values that `open` could not use. `NoSettings` if it has none."""
    open: Callable[[Surroundings[ConfigT]], AbstractAsyncContextManager[ResourceT]]
    """Yields the resource, and closes it afterwards. It must not need its server to be up."""

    verify: Callable[[ConfigT, Settings], object] | None = None
    """Raises `SettingsError` for settings that contradict those of the service. It runs before anything is opened."""

    contradictions: Callable[[ConfigT, Settings, Sequence[Operation]], Iterable[str]] | None = None
    """Sentences about settings that hinder each other: the start logs a warning for each, and `make doctor` shows them.
    It gets the settings of the component and of the service, and all operations."""

    requires: Sequence[Requirement] = ()
    """Components that the service must have. They are opened before this one and closed after it."""
    uses: Sequence[Requirement] = ()
    """Components that this one uses if the service has them. They, too, are opened before and closed after it."""

    checks: Callable[[ResourceT], Sequence[Check]] = _no_checks
    """Returns the health checks of the open resource."""
    ready_to_start: Callable[[ResourceT], Awaitable[object]] | None = None
    """Raises while the service must not start. It is called repeatedly until it returns; then the port opens."""

    routes: Sequence[BaseRoute | Operation] = ()
    middleware: Mapping[Layer, Wrap] = field(default_factory=dict)
    exception_handlers: Mapping[Any, ExceptionHandler] = field(default_factory=dict)
    """Responses for the component's exceptions, by exception class."""
    security_schemes: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """OpenAPI security schemes by name. The `policy` of an operation names one."""

    background: Sequence[Background] = ()
    commands: Mapping[str, Command] = field(default_factory=dict)
    processes: Mapping[str, Process] = field(default_factory=dict)

    console: Callable[[ResourceT], Section] | None = None
    """Returns the section of the open resource on the development console."""

    for_tests: "ForTests[ConfigT, ResourceT] | None" = None
    """Prepares the data of tests, once for all of them. Gets the component and a temporary folder."""

    def refuse(self, own: ConfigT, service: Settings) -> None:
        """Raise `SettingsError` if the component cannot run with these settings."""
        if self.verify is not None:
            self.verify(own, service)

    def of(self, holder: HTTPConnection | Surroundings[Any]) -> ResourceT:
        """The open resource, from a request, a websocket or the surroundings.

        Raises `LookupError` if the component is not open.
        """
        resources = holder.resources if isinstance(holder, Surroundings) else holder.scope.get("state", {})
        try:
            return cast("ResourceT", resources[self.name])
        except KeyError:
            msg = f"The component {self.name} is not open; add it to `components` of the service."
            raise LookupError(msg) from None
