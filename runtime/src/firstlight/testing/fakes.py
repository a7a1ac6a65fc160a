"""Fakes: a service that differs from the real one in what a component opens, or in who answers its calls.

Nothing is patched: a fake is an argument of `create_app`. A test module overrides the fixture `service`, on which `app`
and `client` stand:

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
    """The service with `resource` in place of what `component` would open: `COMPONENT.of(request)` gives it.

    Routes, middleware and error handlers of the component stay. Its settings are not read, and its checks, background
    work and condition for the start are left out: they are about the real resource. Nobody closes `resource`. Raises
    `LookupError` for a component that the service does not have.
    """
    from ..component import NoSettings  # noqa: PLC0415 - what a plug-in imports, coverage does not see

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
    )
    return _with(service, fake)


def with_dependency(service: "Service", name: str, answer: "Answer | httpx2.AsyncBaseTransport") -> "Service":
    """The service with `answer` in place of the dependency `name` of the component `http_client`.

    `answer` is a function that gets each request and returns its response, or is a coroutine function that does; or a
    transport, such as `httpx2.ASGITransport(application)`. What it raises the call raises: `httpx2.ConnectError` is a
    dependency that is down. Everything of a call but the network is real: timeouts, limits, ids, span and metric. The
    dependency needs no address in the environment, and is not checked. Raises `LookupError` without the component.
    """
    import httpx2  # noqa: PLC0415 - only services with the component need it

    transport = answer if isinstance(answer, httpx2.AsyncBaseTransport) else httpx2.MockTransport(answer)
    real = _component(service, "http_client")
    opening: Any = real.open  # `open_clients`, or what this function has made of it
    others = opening.keywords["transports"] if isinstance(opening, partial) else {}
    return _with(service, replace(real, open=partial(opening, transports={**others, name: transport})))


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
