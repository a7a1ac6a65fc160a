"""Routes, and the middleware of components around them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.endpoints import HTTPEndpoint
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Host, Mount, Route, Router, WebSocketRoute
from starlette.testclient import TestClient
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect

from firstlight import Component, Layer, NoSettings, Operation, Service, Settings, create_app, nothing
from firstlight.component import Wrap
from firstlight.metrics.instruments import REGISTRY
from firstlight.testing.lines import Lines

DURATION = "http_server_request_duration_seconds_count"


async def read(_: Request) -> Response:
    """Read."""
    return PlainTextResponse("read")


async def write(_: Request) -> Response:
    """Write."""
    return PlainTextResponse("written")


async def passed(request: Request) -> Response:
    """Answer with the names of the middleware that the request has passed, the outermost first."""
    return JSONResponse(request.scope["passed"])


async def listen(socket: WebSocket) -> None:
    """Accept."""
    await socket.accept()
    await socket.close()


def _component(name: str, middleware: Mapping[Layer, Wrap], routes: Sequence[Any] = ()) -> Component[NoSettings, None]:
    return Component(name=name, settings=NoSettings, open=nothing, middleware=middleware, routes=routes)


def _noting(name: str) -> Wrap:
    """Middleware that writes its name into the scope."""

    def wrap(app: ASGIApp, _: Operation | None) -> ASGIApp:
        async def noting(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != "lifespan":
                scope["passed"] = [*scope.get("passed", ()), name]
            await app(scope, receive, send)

        return noting

    return wrap


def _refusing(operations: list[Operation | None]) -> Wrap:
    """Middleware that answers everything with 401, and keeps the operations that it wraps."""

    def wrap(_: ASGIApp, operation: Operation | None) -> ASGIApp:
        operations.append(operation)

        async def refuse(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] == "websocket":
                await send({"type": "websocket.close", "code": 3000})
            else:
                await Response(status_code=401)(scope, receive, send)

        return refuse

    return wrap


Client = Callable[[Service], TestClient]


@pytest.fixture
def client_of(settings: Settings, lines: Lines) -> Client:
    """A client of the application of a service, which serves any host."""
    everywhere = settings.model_copy(update={"environment": "production"})

    def client_of(service: Service) -> TestClient:
        return TestClient(create_app(everywhere, service, log_sink=lines))

    return client_of


def test_the_layers_decide_the_order(service: Service, client_of: Client) -> None:
    """Not the order of the components. For operations and for plain routes."""
    layers = [Layer.CACHE, Layer.LIMIT_BY_CALLER, Layer.LIMIT_BY_ADDRESS, Layer.IDEMPOTENCY, Layer.AUTHENTICATE]
    components = [_component(layer.name.lower(), {layer: _noting(layer.name)}) for layer in layers]
    operation = Operation(method="GET", path="/operation", handler=passed)
    service = replace(service, components=components, routes=[operation, Route("/plain", passed)])

    client = client_of(service)

    order = ["LIMIT_BY_ADDRESS", "AUTHENTICATE", "LIMIT_BY_CALLER", "IDEMPOTENCY", "CACHE"]
    assert client.get("/operation").json() == order
    assert client.get("/plain").json() == order


def test_only_the_outermost_layer_sees_unmatched_requests(service: Service, client_of: Client) -> None:
    """The others wrap routes: a path without a route is a 404, not a refusal."""
    seen: list[str] = []

    def seeing(app: ASGIApp, operation: Operation | None) -> ASGIApp:
        assert operation is None  # it does not know the operation

        async def see(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] == "http":
                seen.append(scope["path"])
            await app(scope, receive, send)

        return see

    layers = {Layer.LIMIT_BY_ADDRESS: seeing, Layer.AUTHENTICATE: _refusing([])}
    client = client_of(replace(service, components=[_component("guard", layers)], routes=[Route("/read", read)]))

    assert client.get("/nowhere").status_code == 404
    assert client.get("/read").status_code == 401
    assert seen == ["/nowhere", "/read"]


READ = Operation(method="GET", path="/links/{id}", handler=read, cost=2)
WRITE = Operation(method="PUT", path="/links/{id}", handler=write)


def test_middleware_knows_the_operation(service: Service, client_of: Client) -> None:
    """Each operation of a path, and `None` for a plain route."""
    operations: list[Operation | None] = []
    guard = _component("guard", {Layer.AUTHENTICATE: _refusing(operations)})

    client_of(replace(service, components=[guard], routes=[READ, WRITE, Route("/plain", read)]))

    assert operations == [READ, WRITE, None]


def _refused(route: str, method: str = "GET") -> float:
    families = (family for family in REGISTRY.collect() if DURATION.startswith(family.name))
    labels = {"http_route": route, "http_request_method": method, "http_response_status_code": "401"}
    samples = (sample for family in families for sample in family.samples if sample.name == DURATION)
    return sum(sample.value for sample in samples if labels.items() <= sample.labels.items())


def test_a_refusal_carries_the_label_of_the_route(service: Service, client_of: Client, lines: Lines) -> None:
    """In metric and line, so that it counts for the objective of its route."""
    guard = _component("guard", {Layer.AUTHENTICATE: _refusing([])})
    client = client_of(replace(service, components=[guard], routes=[READ, WRITE, Route("/refused/{name}", read)]))
    before = {route: _refused(route) for route in ("/links/{id}", "/refused/{name}")}

    for path in ("/links/7", "/refused/seven"):
        assert client.get(path).status_code == 401
    assert client.put("/links/7").status_code == 401

    assert {route: _refused(route) - count for route, count in before.items()} == dict.fromkeys(before, 1)
    assert _refused("/links/{id}", "PUT") == 1
    assert [
        (line["http_route"], line["http_response_status_code"]) for line in lines.named("http.request_finished")
    ] == [
        ("/links/{id}", 401),
        ("/refused/{name}", 401),
        ("/links/{id}", 401),
    ]


PLAIN: list[tuple[BaseRoute, str]] = [
    (Route("/read", read), "/read"),
    (Mount("/mounted", routes=[Route("/read", read)]), "/mounted/read"),
    (Mount("/application", app=PlainTextResponse("read")), "/application/read"),
    (Host("testserver", app=PlainTextResponse("read")), "/read"),
]


@pytest.mark.parametrize(("route", "path"), PLAIN, ids=["route", "mounted routes", "mounted application", "host"])
def test_routes_of_starlette_are_wrapped_as_well(
    service: Service, client_of: Client, route: BaseRoute, path: str
) -> None:
    """No kind of route avoids authentication, also not those of components."""
    guard = _component("guard", {Layer.AUTHENTICATE: _refusing([])})
    bringing = _component("bringing", {}, routes=[route])

    assert client_of(replace(service, components=[], routes=[route])).get(path).text == "read"
    assert client_of(replace(service, components=[guard], routes=[route])).get(path).status_code == 401
    assert client_of(replace(service, components=[guard, bringing], routes=[])).get(path).status_code == 401


class Inner:
    """Middleware as a class, which keeps what it wraps as `app`."""

    def __init__(self, app: ASGIApp) -> None:
        """Around `app`."""
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Note it."""
        scope["passed"] = [*scope.get("passed", ()), "inner"]
        await self.app(scope, receive, send)


def test_a_route_keeps_its_own_middleware(service: Service, client_of: Client) -> None:
    """Also where its handler is a plain function or a class, whose requests wait for a thread."""

    class Endpoint(HTTPEndpoint):
        def get(self, request: Request) -> Response:
            return PlainTextResponse(",".join(request.scope["passed"]))

    def plain(request: Request) -> Response:
        return PlainTextResponse(",".join(request.scope["passed"]))

    own = [Middleware(_noting("own"), None), Middleware(Inner)]
    handlers: dict[str, Any] = {"plain": plain, "class": Endpoint}
    chains = {"both": own, "inner": own[1:], "own": own[:1]}
    routes = [Route(f"/{h}/{c}", handlers[h], middleware=chains[c]) for h in handlers for c in chains]
    client = client_of(replace(service, routes=routes))
    passed = [client.get(route.path).text for route in routes]
    assert passed == ["own,inner", "inner", "own"] * 2


def test_a_websocket_is_wrapped_as_well(service: Service, client_of: Client) -> None:
    """Middleware decides how it is refused."""
    guard = _component("guard", {Layer.AUTHENTICATE: _refusing([])})
    routes = [WebSocketRoute("/listen", listen)]

    with client_of(replace(service, routes=routes)).websocket_connect("/listen"):
        pass
    with (
        pytest.raises(WebSocketDisconnect) as refusal,
        client_of(replace(service, routes=routes, components=[guard])).websocket_connect("/listen"),
    ):
        pass

    assert getattr(refusal.value, "status_code", None) == 403  # the response to the handshake


def test_what_is_declared_is_not_changed(service: Service, client_of: Client) -> None:
    """With two applications of one service, each request passes the middleware of its application once."""
    declared: list[Route | Mount] = [Route("/plain", passed), Mount("/mounted", routes=[Route("/plain", passed)])]
    apps = [route.app for route in declared]
    noting = replace(
        service,
        components=[_component("noting", {Layer.AUTHENTICATE: _noting("first")})],
        routes=[*declared, Operation(method="GET", path="/operation", handler=passed)],
    )
    other = replace(noting, components=[_component("other", {Layer.CACHE: _noting("second")})])

    clients = [(client_of(noting), "first"), (client_of(noting), "first"), (client_of(other), "second")]

    for client, name in clients:
        for path in ("/plain", "/mounted/plain", "/operation"):
            assert client.get(path).json() == [name]
    assert [route.app for route in declared] == apps


def test_routes_of_the_service_come_first(service: Service, client_of: Client) -> None:
    """Those of the components follow in their order."""
    components = [_component(name, {}, routes=[Route("/who", _answering(name))]) for name in ("first", "second")]

    assert client_of(replace(service, components=components, routes=[])).get("/who").text == "first"
    own = replace(service, components=components, routes=[Route("/who", _answering("service"))])
    assert client_of(own).get("/who").text == "service"


def test_routes_keep_the_order_of_the_rows(service: Service, client_of: Client) -> None:
    """A plain route before an operation has precedence, and the reverse."""
    plain = Route("/who", _answering("plain"))
    row = Operation(method="GET", path="/{name}", handler=_answering("operation"))

    assert client_of(replace(service, routes=[plain, row])).get("/who").text == "plain"
    assert client_of(replace(service, routes=[row, plain])).get("/who").text == "operation"


def _answering(name: str) -> Any:
    async def answer(_: Request) -> Response:
        return PlainTextResponse(name)

    return answer


def test_methods_of_one_path_are_named_in_a_405(service: Service, client_of: Client) -> None:
    """The operations of one path are one route."""
    response = client_of(replace(service, routes=[READ, WRITE])).delete("/links/7")

    assert response.status_code == 405
    assert {method.strip() for method in response.headers["allow"].split(",")} == {"GET", "HEAD", "PUT"}


def test_a_route_of_a_host_keeps_its_label_inside_middleware(service: Service, client_of: Client, lines: Lines) -> None:
    """When it is served and when it is refused."""
    hosted = Host("testserver", app=Router(routes=[Route("/hosted/{id}", read)]))
    passing = _component("passing", {Layer.AUTHENTICATE: _noting("passed")})
    guard = _component("guard", {Layer.AUTHENTICATE: _refusing([])})

    for component in (passing, guard):
        client_of(replace(service, components=[component], routes=[hosted])).get("/hosted/7")

    assert [line["http_route"] for line in lines.named("http.request_finished")] == ["/hosted/{id}"] * 2


SLASHES: list[tuple[BaseRoute | Operation, str]] = [
    (Route("/read", read), "/read/"),
    (Route("/read/", read), "/read"),
    (READ, "/links/7/"),
    (Mount("/mounted", routes=[Route("/read", read)]), "/mounted/read/"),
    (Mount("/mounted", routes=[Route("/", read)]), "/mounted"),
    (Mount("/outer", routes=[Mount("/inner", routes=[Route("/read", read)])]), "/outer/inner/read/"),
    (
        Mount("/guarded", routes=[Route("/read", read)], middleware=[Middleware(_noting("passed"), None)]),
        "/guarded/read/",
    ),
    (Mount("/application", app=Starlette(routes=[Route("/read", read)])), "/application/read/"),
    (Host("evil.example", app=Router(routes=[Route("/read", read)])), "/read/"),
]


@pytest.mark.parametrize("guarded", [False, True])
@pytest.mark.parametrize(("row", "path"), SLASHES, ids=[path for _, path in SLASHES])
def test_a_path_has_one_spelling(
    service: Service, client_of: Client, row: BaseRoute | Operation, path: str, *, guarded: bool
) -> None:
    """A path with an additional or missing slash is a 404: a redirect would use the host of the client."""
    components = [_component("passing", {Layer.AUTHENTICATE: _noting("passed")})] if guarded else []
    client = client_of(replace(service, components=components, routes=[row]))

    response = client.get(path, headers={"Host": "evil.example"}, follow_redirects=False)

    assert (response.status_code, response.headers.get("location")) == (404, None)


REFUSALS: list[tuple[str, str, str]] = [
    ("POST", "/links/7", "/links/{id}"),
    ("PUT", "/links/7", "/links/{id}"),
    ("HEAD", "/links/7", "/links/{id}"),
    ("GET", "/plain/7", "/plain/{id}"),
    ("BREW", "/plain/7", "/plain/{id}"),
    ("GET", "/mounted/a/read/7", "/mounted/{name}/read/{id}"),
    ("DELETE", "/mounted/a/read/7", "/mounted/{name}/read/{id}"),
    ("GET", "/mounted/a/nothing", "/mounted/{name}"),
    ("GET", "/assets/a.css", "/assets"),
    ("GET", "/hosted/7", "/hosted/{id}"),
    ("GET", "/nowhere", "unmatched"),
]


@pytest.mark.parametrize("refusal", REFUSALS, ids=str)
def test_what_is_refused_before_a_handler_has_the_label_of_its_route(
    service: Service, client_of: Client, lines: Lines, refusal: tuple[str, str, str]
) -> None:
    """A refusal by a limit on clients, a limit on bodies, or authentication."""
    method, path, label = refusal
    headers = {"Host": "hosted.example"} if path.startswith("/hosted") else {}
    routes: list[BaseRoute | Operation] = [
        READ,
        WRITE,
        Route("/plain/{id}", read),
        Mount("/mounted/{name}", routes=[Route("/read/{id}", read)]),
        Mount("/assets", app=PlainTextResponse("asset")),
        Host("hosted.example", app=Router(routes=[Route("/hosted/{id}", read)])),
    ]

    for layer in (Layer.LIMIT_BY_ADDRESS, Layer.AUTHENTICATE):
        guard = _component("guard", {layer: _refusing([])})
        client_of(replace(service, components=[guard], routes=routes)).request(method, path, headers=headers)
    headers["Content-Length"] = "9" * 12
    large = client_of(replace(service, routes=routes)).request(method, path, headers=headers)

    assert large.status_code == 413
    assert [line["http_route"] for line in lines.named("http.request_finished")] == [label] * 3


@pytest.mark.parametrize("handled", [True, False])
def test_an_error_of_a_mounted_application_is_a_problem(service: Service, settings: Settings, handled: bool) -> None:  # noqa: FBT001
    """Unless it has an answer of its own."""

    async def broken(_: Request) -> Response:
        raise LookupError

    async def own(_: Request, __: Exception) -> Response:
        return PlainTextResponse("own", 500)

    mounted = Starlette(routes=[Route("/broken", broken)], exception_handlers={Exception: own} if handled else {})
    app = create_app(settings, replace(service, routes=[Mount("/outer", routes=[Mount("/inner", app=mounted)])]))
    with TestClient(app, raise_server_exceptions=False) as client:
        answer = client.get("/outer/inner/broken")
    assert answer.status_code == 500
    assert answer.headers["content-type"].split(";")[0] == ("text/plain" if handled else "application/problem+json")
