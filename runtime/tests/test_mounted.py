"""A mounted FastAPI application has the telemetry, probes, problems and drain of the service."""

import runpy
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import httpx2
import pytest
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Mount
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from firstlight import Settings, create_app
from firstlight.testing import ServiceProcess
from firstlight.testing.lines import Lines

from .conftest import PROGRAMS
from .process.conftest import in_flight

PROGRAM = str(PROGRAMS / "fastapi_application.py")


@pytest.fixture
def program() -> dict[str, Any]:
    """The program, with an application of its own."""
    return runpy.run_path(PROGRAM)


@pytest.fixture
def client(
    program: dict[str, Any], settings: Settings, lines: Lines, spans: InMemorySpanExporter
) -> Iterator[TestClient]:
    """A client of the service in this process. All spans are kept."""
    app = create_app(settings, program["SERVICE"], log_sink=lines, span_processors=[SimpleSpanProcessor(spans)])
    with TestClient(app, raise_server_exceptions=False) as client:
        yield client


def test_the_lifespan_of_a_mounted_application_runs(program: dict[str, Any], client: TestClient) -> None:
    """Starlette runs only that of the outermost application. Its state is that of the requests."""
    assert program["EVENTS"] == ["opened"]
    assert client.get("/api/v2/items/a").json()["scales"] == "ready"
    client.__exit__()
    assert program["EVENTS"] == ["opened", "closed"]


@pytest.mark.parametrize(
    ("path", "route"),
    [
        ("/api/v1/acme/items/a", "/api/v1/{tenant}/items/{name}"),
        ("/api/v2/items/a", "/api/v2/items/{name}"),
        ("/api/v2/items/a?limit=0", "/api/v2/items/{name}"),
        ("/api/direct/a", "/api/direct/{name}"),
        ("/api/old/plain/a", "/api/old/plain/{name}"),
        ("/api/v2/fail/any", "/api/v2/fail/{kind}"),
        ("/starlette/plain", "/starlette/plain"),
        ("/own", "/own"),
        ("/api/nothing/a", "/api"),
    ],
)
def test_a_request_has_one_span_and_the_whole_route(  # noqa: PLR0913, PLR0917 - four fixtures and a row of a table
    program: dict[str, Any], client: TestClient, lines: Lines, spans: InMemorySpanExporter, path: str, route: str
) -> None:
    """FastAPI includes routers without copies of their routes, and records spans of its own where a provider is set."""
    for _ in range(2):  # the second request takes a shorter way
        client.get(path, headers={"X-Request-ID": "mine"})

    finished = lines.named("http.request_finished")
    assert [line["http_route"] for line in finished] == [route] * 2
    found = [span for span in spans.get_finished_spans() if span.name != "GET"]
    assert [(span.name, span.kind) for span in found] == [(f"GET {route}", SpanKind.SERVER)] * 2
    assert program["SPANS"].get_finished_spans() == ()


def test_the_same_router_twice_has_two_labels(client: TestClient, lines: Lines) -> None:
    """FastAPI's own route is the same object for both."""
    for path in ("/api/v2/items/a", "/api/v1/x/items/a") * 2:
        client.get(path)

    found = [line["http_route"] for line in lines.named("http.request_finished")]
    assert found == ["/api/v2/items/{name}", "/api/v1/{tenant}/items/{name}"] * 2


def test_what_is_refused_before_fastapi_has_the_label_of_its_route(client: TestClient, lines: Lines) -> None:
    """A body that is too large by its length."""
    assert client.post("/api/v2/items", headers={"Content-Length": "9" * 12}).status_code == 413
    assert lines.named("http.request_finished")[0]["http_route"] == "/api/v2/items"


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "members"),
    [
        ("GET", "/api/nothing", None, 404, {}),
        ("GET", "/starlette/nothing", None, 404, {}),
        ("DELETE", "/api/v2/items", None, 405, {}),
        ("GET", "/api/v2/fail/http", None, 409, {"info": {"code": 7}}),
        ("GET", "/api/v2/fail/text", None, 404, {"detail": "no such <item>"}),
        ("GET", "/api/v2/fail/service", None, 409, {"detail": "It is taken."}),
        ("GET", "/api/v2/fail/any", None, 500, {}),
        ("POST", "/api/v2/items", b'{"weight": "\xe2\x80\xae<heavy>"}', 422, {}),
        ("POST", "/api/v2/items", b"{", 400, {"detail": "The body must be valid JSON: it cannot be parsed."}),
        ("GET", "/api/v2/items/a?limit=0", None, 422, {}),
    ],
)
def test_every_error_is_a_problem(  # noqa: PLR0913, PLR0917 - a row of a table
    client: TestClient, method: str, path: str, body: bytes | None, status: int, members: dict[str, object]
) -> None:
    """FastAPI's own, those of Starlette and those of the runtime."""
    response = client.request(method, path, content=body, headers={"Content-Type": "application/json"})

    assert (response.status_code, response.headers["content-type"]) == (status, "application/problem+json")
    document = response.json()
    assert document["status"] == status
    assert document["type"].startswith("/problems/")
    assert document["request_id"] == response.headers["x-request-id"]
    assert {name: document[name] for name in members} == members
    assert "hunter2" not in response.text
    assert "<" not in response.text


def test_a_path_of_fastapi_has_one_spelling(client: TestClient) -> None:
    """The redirect of FastAPI would name the host that the client has sent."""
    response = client.get("/api/v2/items/a/", follow_redirects=False)

    assert (response.status_code, response.headers.get("location")) == (404, None)


def test_invalid_values_have_pointers(client: TestClient) -> None:
    """As those of an operation: without the place in the pointer, and without the value."""
    body = client.post("/api/v2/items", json={"weight": "hunter2"})
    query = client.get("/api/v2/items/a?limit=0")

    assert [error["pointer"] for error in body.json()["errors"]] == ["#/weight"]
    assert "hunter2" not in body.text
    (error,) = query.json()["errors"]
    assert (error["pointer"], error["in"]) == ("#/limit", "query")
    assert client.get("/api/v2/fail/http").headers["x-reason"] == "taken"


def test_a_websocket_of_fastapi_is_observed(client: TestClient, lines: Lines) -> None:
    """With its route, and a problem where there is none."""
    with client.websocket_connect("/api/v2/listen") as websocket:
        assert websocket.receive_text() == "hello"
    with pytest.raises(WebSocketDisconnect), client.websocket_connect("/api/nowhere"):
        pass

    routes = [line["http_route"] for line in lines.named("websocket.closed")]
    assert routes == ["/api/v2/listen", "/api"]


async def own(_: Request, __: Exception) -> Response:
    """Answer an error as the team wants."""
    return PlainTextResponse("own", 418)


@pytest.mark.parametrize("key", [404, 500, Exception])
def test_handlers_of_the_team_are_kept(program: dict[str, Any], settings: Settings, key: Any) -> None:
    """By status and by class."""
    mounted = Starlette(routes=program["API"].routes, exception_handlers={key: own})
    app = create_app(settings, replace(program["SERVICE"], routes=[Mount("/api", app=mounted)]))
    with TestClient(app, raise_server_exceptions=False) as client:
        response = client.get("/api/nothing" if key == 404 else "/api/v2/fail/any")
        assert response.text == "own"


def test_a_lifespan_that_fails_stops_the_start(settings: Settings, lines: Lines, program: dict[str, Any]) -> None:
    """As a component does, with its path in the log."""

    def broken(_: Starlette) -> Any:
        msg = "no scales"
        raise RuntimeError(msg)

    routes = [Mount("/api", app=Starlette(lifespan=broken))]
    app = create_app(settings, replace(program["SERVICE"], routes=routes), log_sink=lines)
    with pytest.raises(RuntimeError, match="no scales"), TestClient(app):
        pass
    (line,) = lines.named("component.open_failed")
    assert line["component"] == "application /api"


def test_a_drain_loses_no_request_of_fastapi(serve: Callable[..., ServiceProcess]) -> None:
    """The request in flight is answered, its lifespan ends, and the exit status is 0."""
    service = serve(PROGRAM, DRAIN_SECONDS="0.2").started()
    begun = threading.Event()

    def slow() -> int:
        begun.set()
        return httpx2.get(f"{service.url}/api/v2/slow").status_code

    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(slow)
        assert begun.wait(10)
        in_flight(service, 1)
        assert service.manage("/health/ready").status_code == 200
        assert service.terminate() == 0
        assert answer.result() == 200
    line = service.wait_for("http.request_finished")
    assert (line["http_route"], line["http_response_status_code"]) == ("/api/v2/slow", 200)
