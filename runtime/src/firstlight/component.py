"""Components: the parts that a service is made of, each with a lifetime, checks, routes and more, as one frozen value.

A feature of the team is a value of the same type: `LINKS.of(request)` is a `LinkStore`, for the type checker as well.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Generic, TypeVar, cast

from pydantic_settings import BaseSettings
from starlette.requests import HTTPConnection
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, ExceptionHandler

from .lifecycle import Lifecycle
from .management.check import Check
from .operation import Operation
from .settings import Settings

ConfigT = TypeVar("ConfigT", bound=BaseSettings)
ResourceT = TypeVar("ResourceT")
Requirement = str | tuple[str, ...]  # the name of a component, or a group of which one is enough
Wrap = Callable[[ASGIApp, Operation | None], ASGIApp]


class NoSettings(BaseSettings):
    """For a component that has nothing to configure."""


class Layer(Enum):
    """Where a component's middleware runs, from the outside in. Two components never share a layer.

    The first wraps the router: it sees every request, also those that match no route, and has to find the route itself
    if it wants to name it. The others wrap each route: they know the operation, and refusals carry the route's label.
    """

    LIMIT_BY_ADDRESS = "around the router"
    AUTHENTICATE = "around each route, first"
    LIMIT_BY_CALLER = "around each route, second"
    IDEMPOTENCY = "around each route, third"
    CACHE = "around each route, last"

    @property
    def wraps_the_router(self) -> bool:
        """Whether the middleware is applied once, around the router."""
        return self is Layer.LIMIT_BY_ADDRESS


@dataclass(frozen=True, slots=True)
class Surroundings(Generic[ConfigT]):
    """What a component, a background task, a command or a process may use."""

    settings: ConfigT
    """The component's own settings; the service's where there is no component."""
    service: Settings
    """The settings of the service."""
    resources: Mapping[str, Any]
    """The resources opened so far, by the name of their component. `COMPONENT.of(surroundings)` has their type."""
    lifecycle: Lifecycle
    """`await lifecycle.drain_began()` returns when the process has been told to stop."""


@dataclass(frozen=True, slots=True)
class Background:
    """A coroutine that runs beside the requests: logged, counted and checked; started again after a failure.

    With `every_seconds` it is called again and again, that long after its last end. Without, it is called once and may
    run until it is cancelled.
    """

    name: str
    run: Callable[[Surroundings[Any]], Awaitable[object]]
    every_seconds: float | None = None
    processes: Sequence[str] = ("web",)
    """The kinds of process that it runs in."""


@dataclass(frozen=True, slots=True)
class Command:
    """`python -m <package> <name> [arguments]`: runs to its end with the component open, and ends the process."""

    run: Callable[[Surroundings[Any], Sequence[str]], Awaitable[object]]
    summary: str


@dataclass(frozen=True, slots=True)
class Process:
    """`python -m <package> <name>`: another kind of process, on the same two planes, without the service port.

    `run` gets everything that is open. It is to return soon after the drain began; it is cancelled when
    `GRACEFUL_SECONDS` are over.
    """

    run: Callable[[Surroundings[Any]], Awaitable[object]]
    summary: str


@asynccontextmanager
async def nothing(_: Surroundings[Any]) -> AsyncIterator[None]:
    """For a component without a resource."""
    yield


def _no_checks(_: Any) -> Sequence[Check]:
    return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Component(Generic[ConfigT, ResourceT]):
    """A part of the service. Only `name`, `settings` and `open` have to be given."""

    name: str
    """Key of the resource, prefix of metrics and settings. Lower case with underscores."""
    settings: type[ConfigT]
    """Its validators refuse what `open` could not use. `NoSettings` where there is nothing to set."""
    open: Callable[[Surroundings[ConfigT]], AbstractAsyncContextManager[ResourceT]]
    """Yields the resource and closes it. Its server does not have to be up."""

    requires: Sequence[Requirement] = ()
    """Components that must be there. They are opened before this one and closed after it."""
    uses: Sequence[Requirement] = ()
    """Components that are used when they are there. The same order holds."""

    checks: Callable[[ResourceT], Sequence[Check]] = _no_checks
    """How to tell whether the resource is in order."""
    ready_to_start: Callable[[ResourceT], Awaitable[object]] | None = None
    """Raises while the service must not start. It is asked again and again before the port opens."""

    routes: Sequence[BaseRoute | Operation] = ()
    middleware: Mapping[Layer, Wrap] = field(default_factory=dict)
    exception_handlers: Mapping[Any, ExceptionHandler] = field(default_factory=dict)
    """What the component's errors mean to a client."""
    security_schemes: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """OpenAPI security schemes by name; the `policy` of an operation names one."""

    background: Sequence[Background] = ()
    commands: Mapping[str, Command] = field(default_factory=dict)
    processes: Mapping[str, Process] = field(default_factory=dict)

    def of(self, holder: HTTPConnection | Surroundings[Any]) -> ResourceT:
        """The open resource, from a request, a websocket or the surroundings. Raises `LookupError` when not open."""
        resources = holder.resources if isinstance(holder, Surroundings) else holder.scope.get("state", {})
        try:
            return cast("ResourceT", resources[self.name])
        except KeyError:
            msg = f"The component {self.name} is not open; add it to `components` of the service."
            raise LookupError(msg) from None
