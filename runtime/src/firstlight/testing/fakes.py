"""Fakes: replace the resource of a component, or the answers of a dependency.

Nothing is patched: each function returns another `Service`. A test module overrides the fixture `service`, on which
`app` and `client` depend:

    @pytest.fixture
    def service(service: Service) -> Service:
        return with_dependency(service, "screening", lambda request: httpx2.Response(200, json={"verdict": "fine"}))
"""

from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    import httpx2

    from ..component import Component
    from ..service import Service

    Response = httpx2.Response
    Answer = Callable[[httpx2.Request], Response] | Callable[[httpx2.Request], Coroutine[None, None, Response]]

ResourceT = TypeVar("ResourceT")


def with_resource(service: "Service", component: "Component[Any, ResourceT]", resource: ResourceT) -> "Service":
    """A copy of the service in which `COMPONENT.of(request)` returns `resource`.

    The component keeps its routes, middleware and exception handlers. Its settings are not read; its checks, background
    work and `ready_to_start` are removed, because they need the real resource. `resource` is not closed. Raises
    `LookupError` if the service does not have the component.
    """
    from ..component import NoSettings  # noqa: PLC0415 - coverage does not measure what a plug-in imports

    @asynccontextmanager
    async def opened(_: object) -> AsyncIterator[ResourceT]:
        yield resource

    real = _component(service, component.name)
    fake = replace(
        real,
        settings=NoSettings,
        open=opened,
        requires=(),
        uses=(),
        checks=lambda _: (),
        ready_to_start=None,
        background=(),
        for_tests=None,
    )
    return _with(service, fake)


def with_dependency(service: "Service", name: str, answer: "Answer | httpx2.AsyncBaseTransport") -> "Service":
    """A copy of the service in which `answer` replaces the dependency `name` of the component `http_client`.

    `answer` is a function, or a coroutine function, that gets each request and returns its response; or a transport,
    such as `httpx2.ASGITransport(application)`. The call raises what it raises: `httpx2.ConnectError` for a dependency
    that is down. Timeouts, limits, ids, span and metric are those of a real call. The dependency needs no address in
    the environment and has no health check. Raises `LookupError` if the service does not have `http_client`, and
    `TypeError` for a response in place of a function.
    """
    import httpx2  # noqa: PLC0415 - only services with the component need it

    given: object = answer
    if not (isinstance(given, httpx2.AsyncBaseTransport) or callable(given)):
        msg = f"{name} must be answered by a function, such as lambda request: httpx2.Response(200), not by {given!r}"
        raise TypeError(msg)
    transport = answer if isinstance(answer, httpx2.AsyncBaseTransport) else httpx2.MockTransport(answer)
    real = _component(service, "http_client")
    opening: Any = real.open  # a `partial` of `open_clients`
    verifying: Any = real.verify
    transports = {**opening.keywords.get("transports", {}), name: transport}
    fake = replace(real, open=partial(opening, transports=transports), verify=partial(verifying, given=transports))
    return _with(service, fake)


def _component(service: "Service", name: str) -> "Component[Any, Any]":
    for component in service.components:
        if component.name == name:
            return component
    names = ", ".join(component.name for component in service.components) or "none"
    msg = f"the service has no component {name} that could be replaced; its components: {names}"
    raise LookupError(msg)


def _with(service: "Service", fake: "Component[Any, Any]") -> "Service":
    components = [fake if component.name == fake.name else component for component in service.components]
    return replace(service, components=components)
