"""Operations: one row defines route, validation and name, and the handler gets only valid input."""

import functools
from typing import Any, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.testclient import TestClient
from starlette.types import ASGIApp

from firstlight import ArrangementError, Component, NoSettings, Operation, Service, Settings, create_app, nothing
from firstlight.app import Application
from firstlight.operations.routes import routes
from firstlight.requests.deadline import Deadlines
from firstlight.requests.thread_queue import ThreadQueue
from firstlight.testing.lines import Lines

from ..faults import IDENTITY


class Parcel(BaseModel):
    """The body of a new parcel."""

    model_config = ConfigDict(extra="forbid")

    weight: int
    contents: list[dict[str, int]] = Field(default_factory=list)


class Filter(BaseModel):
    """The query of a list."""

    model_config = ConfigDict(extra="forbid")

    limit: int = Field(10, ge=1, le=100)
    order: Literal["weight", "age"] = "age"


async def list_parcels(_: Request, *, query: Filter) -> Response:
    """List parcels.

    The oldest first, unless the query says otherwise.
    """
    return JSONResponse({"limit": query.limit, "order": query.order})


async def create_parcel(_: Request, *, body: Parcel) -> Response:
    """Weigh a parcel."""
    return JSONResponse(body.model_dump(), 201)


async def move_parcel(request: Request, *, body: Parcel, query: Filter) -> Response:
    """Move a parcel."""
    return JSONResponse([request.path_params["name"], body.weight, query.limit])


async def read_parcel(request: Request) -> Response:
    """Read a parcel."""
    return PlainTextResponse(request.path_params["name"])


async def delete_parcel(_: Request) -> Response:  # noqa: D103 - a handler without a summary
    return Response(status_code=204)


async def invalid_here(_: Request, *, query: Filter) -> Response:
    """Validate a document of the service itself, which is invalid."""
    Parcel.model_validate({"weight": query.order})
    return Response()


async def plain(_: Request) -> Response:
    """Answer from a plain Starlette route."""
    return PlainTextResponse("plain")


def weigh_in_a_thread(_: Request, *, body: Parcel) -> Response:
    """Weigh a parcel with a library that blocks."""
    return JSONResponse(body.model_dump())


def decorated(handler: Any) -> Any:
    """A decorator whose wrapper is a plain function."""

    @functools.wraps(handler)
    def called(*arguments: Any, **given: Any) -> Any:
        return handler(*arguments, **given)

    return called


LIST = Operation(method="GET", path="/parcels", handler=list_parcels, query=Filter)
CREATE = Operation(method="POST", path="/parcels", handler=create_parcel, body=Parcel)
MOVE = Operation(method="PUT", path="/parcels/{name}", handler=move_parcel, body=Parcel, query=Filter)
READ = Operation(method="GET", path="/parcels/{name}", handler=read_parcel)
DELETE = Operation(method="DELETE", path="/parcels/{name}", handler=delete_parcel)
INVALID = Operation(method="GET", path="/invalid", handler=invalid_here, query=Filter)


@pytest.fixture
def app(settings: Settings, lines: Lines) -> Application:
    """A service with operations and a plain route."""
    table: list[BaseRoute | Operation] = [LIST, Route("/plain", plain), CREATE, MOVE, READ, DELETE, INVALID]
    return create_app(settings, Service(identity=IDENTITY, routes=table), log_sink=lines)


def pointers(client: TestClient, method: str, url: str, **content: Any) -> list[str]:
    """The JSON pointers of the errors in a 422."""
    response = client.request(method, url, **content)
    assert response.status_code == 422
    assert response.headers["content-type"] == "application/problem+json"
    assert all(error["detail"] for error in response.json()["errors"])
    return [error["pointer"] for error in response.json()["errors"]]


def test_the_handler_gets_the_valid_body(client: TestClient) -> None:
    """As `body=`, with the defaults of the model."""
    response = client.post("/parcels", json={"weight": "7"})
    assert (response.status_code, response.json()) == (201, {"weight": 7, "contents": []})


def test_the_handler_gets_the_valid_query(client: TestClient) -> None:
    """As `query=`, converted to the types of the model."""
    assert client.get("/parcels").json() == {"limit": 10, "order": "age"}
    assert client.get("/parcels?limit=7&order=weight").json() == {"limit": 7, "order": "weight"}


def test_a_name_with_nul_is_not_found(client: TestClient) -> None:
    """No store has it, and PostgreSQL refuses to look for it."""
    assert client.get("/parcels/a%00b").status_code == 404
    assert client.delete("/parcels/%00").status_code == 404
    assert client.get("/parcels/a%01b").text == "a\x01b"


def test_the_last_value_of_a_repeated_parameter_counts(client: TestClient) -> None:
    """Each field has one value."""
    assert client.get("/parcels?limit=7&limit=8").json()["limit"] == 8


def test_the_handler_gets_body_and_query(client: TestClient) -> None:
    """And the request with its path parameters."""
    assert client.put("/parcels/red?limit=3", json={"weight": 2}).json() == ["red", 2, 3]


@pytest.mark.parametrize("handler", [weigh_in_a_thread, decorated(create_parcel)])
def test_a_plain_function_is_a_handler(settings: Settings, lines: Lines, handler: Any) -> None:
    """It runs in a thread. If it returns an awaitable, as a decorator may, that is awaited."""
    row = Operation(method="POST", path="/parcels", handler=handler, body=Parcel)
    with TestClient(create_app(settings, Service(identity=IDENTITY, routes=[row]), log_sink=lines)) as client:
        assert client.post("/parcels", json={"weight": 7}).json()["weight"] == 7


def test_a_handler_without_declarations_gets_the_request(client: TestClient) -> None:
    """Without `body` and `query`."""
    assert client.get("/parcels/red").text == "red"
    assert client.delete("/parcels/red").status_code == 204


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, ["#/weight"]),
        ({"weight": "heavy", "contents": [{"nail": 1}, {"nail": "x"}]}, ["#/weight", "#/contents/1/nail"]),
        ({"weight": 1, "a/b~c": 1}, ["#/a~1b~0c"]),
        ([], ["#"]),
    ],
    ids=str,
)
def test_an_invalid_body_is_refused_with_pointers(client: TestClient, body: object, expected: list[str]) -> None:
    """With 422, and without a call of the handler."""
    assert pointers(client, "POST", "/parcels", json=body) == expected


def test_a_malformed_body_is_refused(client: TestClient) -> None:
    """A body that is not JSON, or is empty."""
    response = client.post("/parcels", content=b"{", headers={"Content-Type": "application/json"})

    assert response.status_code == 400
    assert response.json()["detail"].startswith("The body must be valid JSON: EOF")
    assert client.post("/parcels", headers={"Content-Type": "application/json"}).status_code == 400


@pytest.mark.parametrize(
    ("query", "expected"),
    [("limit=0", ["#/limit"]), ("limit=x&order=y", ["#/limit", "#/order"]), ("colour=red", ["#/colour"])],
)
def test_an_invalid_query_is_refused_with_pointers(client: TestClient, query: str, expected: list[str]) -> None:
    """With 422, and the name of each invalid parameter."""
    assert pointers(client, "GET", f"/parcels?{query}") == expected


def test_an_invalid_value_in_the_handler_is_an_error_of_the_service(client: TestClient) -> None:
    """Only body, form and query are input of the client."""
    assert client.get("/invalid").status_code == 500


def test_operations_of_one_path_are_one_route(client: TestClient, lines: Lines) -> None:
    """405 names all methods of the path, and is labelled with the route."""
    response = client.patch("/parcels/red")
    assert response.status_code == 405
    assert set(response.headers["allow"].split(", ")) == {"GET", "HEAD", "PUT", "DELETE"}
    (line,) = lines.named("http.request_finished")
    assert line["http_route"] == "/parcels/{name}"


def test_head_is_answered_as_get(client: TestClient) -> None:
    """With the same handler and validation. The server drops the body."""
    head, get = client.head("/parcels?limit=7"), client.get("/parcels?limit=7")
    assert (head.status_code, head.headers["content-length"]) == (200, get.headers["content-length"])
    assert client.head("/parcels?limit=0").status_code == 422


def test_head_may_be_an_operation_of_its_own(settings: Settings, lines: Lines) -> None:
    """With or without GET on the path."""
    head = Operation(method="HEAD", path="/parcels", handler=delete_parcel)
    for table in ([head], [LIST, head]):
        client = TestClient(create_app(settings, Service(identity=IDENTITY, routes=table), log_sink=lines))
        assert client.head("/parcels").status_code == 204


def test_without_get_there_is_no_head() -> None:
    """HEAD gets 405."""
    (route,) = routes([CREATE], lambda app, _: app, ThreadQueue(0).awaited, Deadlines(0))
    assert route.methods == {"POST"}


def test_the_same_operation_twice_is_refused(settings: Settings, lines: Lines) -> None:
    """The second one could never be reached."""
    again = Operation(method="GET", path="/parcels", handler=read_parcel)
    with pytest.raises(ArrangementError, match=r"^the operation 'GET /parcels' is declared 2 times, by the service"):
        create_app(settings, Service(identity=IDENTITY, routes=[LIST, CREATE, again]), log_sink=lines)


def test_name_and_summary_are_those_of_the_handler() -> None:
    """Its name, and the first line of its docstring."""
    assert (LIST.name, LIST.summary) == ("list_parcels", "List parcels.")
    assert (DELETE.name, DELETE.summary) == ("delete_parcel", "")


def test_a_route_is_named_by_its_first_operation() -> None:
    """`url_for` finds the route by this name."""
    made = routes([LIST, READ, CREATE, MOVE], lambda app, _: app, ThreadQueue(0).awaited, Deadlines(0))

    assert [(route.name, route.path) for route in made] == [
        ("list_parcels", "/parcels"),
        ("read_parcel", "/parcels/{name}"),
    ]


def test_each_operation_is_wrapped_with_its_row() -> None:
    """Middleware gets the operation."""
    seen: list[Operation] = []

    def around(app: ASGIApp, operation: Operation) -> ASGIApp:
        seen.append(operation)
        return app

    routes([LIST, CREATE, READ], around, ThreadQueue(0).awaited, Deadlines(0))
    assert seen == [LIST, CREATE, READ]


def test_plain_routes_stand_beside_operations(client: TestClient, lines: Lines) -> None:
    """They are routed and labelled in the same way."""
    assert client.get("/plain").text == "plain"
    assert [line["http_route"] for line in lines.named("http.request_finished")] == ["/plain"]


def test_a_component_brings_operations_and_routes(settings: Settings, lines: Lines) -> None:
    """They come after those of the service."""
    component = Component(name="scales", settings=NoSettings, open=nothing, routes=[READ, Route("/plain", plain)])
    service = Service(identity=IDENTITY, routes=[LIST], components=[component])
    with TestClient(create_app(settings, service, log_sink=lines)) as client:
        assert [client.get(path).status_code for path in ("/parcels", "/parcels/red", "/plain")] == [200] * 3
