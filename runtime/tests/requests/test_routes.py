"""A request is labelled with the template of its route, through mounts, hosts and sub-applications."""

import asyncio
from collections.abc import Sequence

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Host, Mount, Route, Router
from starlette.types import Message, Scope

from firstlight.metrics.instruments import UNMATCHED
from firstlight.requests.routes import RouteTemplates


async def answer(_: Request) -> Response:
    """Answer with a text."""
    return PlainTextResponse("here")


def route(path: str) -> Route:
    """A route that answers."""
    return Route(path, answer)


ROUTES: Sequence[BaseRoute] = [
    route("/"),
    route("/plain"),
    route("/items/{id:int}"),
    route("/files/{path:path}"),
    route("/ids/{id:uuid}/{ratio:float}"),
    Mount("/static", PlainTextResponse("asset")),
    Mount("/tenants/{tenant}", routes=[route("/"), route("/users/{user}")]),
    Mount("/outer/{a}", routes=[Mount("/inner/{b}", routes=[route("/{c}")])]),
    Mount("/sub", app=Starlette(routes=[route("/x/{y}"), Mount("/deep", routes=[route("/z")])])),
    Mount("/router", app=Router(routes=[route("/in")])),
    Host("{tenant}.example.com", app=Router(routes=[route("/hosted/{id}")])),
]


def serve(app: Starlette, path: str, host: str = "localhost", method: str = "GET") -> Scope:
    """Serve one request, and return the scope as the application leaves it."""
    scope: Scope = {
        "type": "http",
        "method": method,
        "path": path,
        "query_string": b"",
        "headers": [(b"host", host.encode())],
    }

    async def receive() -> Message:
        return {"type": "http.request"}

    async def send(_: Message) -> None:
        """Drop the message."""

    asyncio.run(app(scope, receive, send))
    return scope


@pytest.mark.parametrize(
    ("path", "template"),
    [
        ("/", "/"),
        ("/plain", "/plain"),
        ("/items/7", "/items/{id}"),
        ("/files/a/b/c", "/files/{path}"),
        ("/ids/00000000-0000-0000-0000-000000000000/1.5", "/ids/{id}/{ratio}"),
        ("/static/a.css", "/static"),
        ("/tenants/acme/", "/tenants/{tenant}/"),
        ("/tenants/acme/users/7", "/tenants/{tenant}/users/{user}"),
        ("/tenants/acme/nothing", "/tenants/{tenant}"),
        ("/outer/1/inner/2/3", "/outer/{a}/inner/{b}/{c}"),
        ("/sub/x/1", "/sub/x/{y}"),
        ("/sub/deep/z", "/sub/deep/z"),
        ("/sub/nothing", "/sub"),
        ("/router/in", "/router/in"),
        ("/nothing", UNMATCHED),
        ("/items/seven", UNMATCHED),
        ("/plain/", UNMATCHED),
    ],
)
def test_the_template_is_joined_from_mounts_and_holds_no_value(path: str, template: str) -> None:
    """Mounts, parameters, converters and sub-applications give one name each."""
    app = Starlette(routes=ROUTES)
    assert RouteTemplates(app.routes).of(serve(app, path)) == template


def test_a_host_route_adds_no_host_name() -> None:
    """The client chooses the host, so it is not part of the label."""
    app = Starlette(routes=ROUTES)
    assert RouteTemplates(app.routes).of(serve(app, "/hosted/7", "acme.example.com")) == "/hosted/{id}"


def test_a_mount_without_a_path_adds_nothing() -> None:
    """It only groups the routes below it."""
    app = Starlette(routes=[Mount("", routes=[route("/grouped/{id}")])])
    assert RouteTemplates(app.routes).of(serve(app, "/grouped/7")) == "/grouped/{id}"


def test_a_wrong_method_keeps_the_route() -> None:
    """405 is the answer of a route that exists."""
    app = Starlette(routes=ROUTES)
    assert RouteTemplates(app.routes).of(serve(app, "/items/7", method="DELETE")) == "/items/{id}"


def test_a_route_added_after_the_first_request_is_found() -> None:
    """The list of routes may grow while the service runs."""
    app = Starlette(routes=[route("/first")])
    templates = RouteTemplates(app.routes)
    assert [templates.of(serve(app, "/first")) for _ in range(2)] == ["/first", "/first"]
    app.router.routes.append(route("/second/{id}"))
    assert templates.of(serve(app, "/second/7")) == "/second/{id}"


def test_an_unknown_route_is_unmatched() -> None:
    """A route that is in no list, such as one behind a wrapper, adds no label values."""
    assert RouteTemplates(ROUTES).of({"type": "http", "route": route("/elsewhere")}) == UNMATCHED
