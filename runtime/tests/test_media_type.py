"""The body of an operation is JSON with the right headers; else the response is 415 before the body is read."""

import asyncio
from collections.abc import Sequence

import pytest
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response
from starlette.testclient import TestClient
from starlette.types import Message, Scope

from firstlight import Operation, Service, Settings, create_app
from firstlight.app import Application
from firstlight.testing.lines import Lines

from .faults import IDENTITY

BODY = b'{"weight": 1}'
Fields = Sequence[tuple[bytes, bytes]]


class Parcel(BaseModel):
    """The model of the body."""

    weight: int


async def accept(_: Request, *, body: Parcel) -> Response:
    """Accept a parcel."""
    return Response(str(body.weight))


async def read(_: Request) -> Response:
    """Answer without reading the body."""
    return Response("read")


async def replace(request: Request, *, body: Parcel) -> Response:
    """Replace a parcel."""
    return await accept(request, body=body)


async def patch(request: Request, *, body: Parcel) -> Response:
    """Change a parcel."""
    return await accept(request, body=body)


OPERATIONS = [
    Operation(method="POST", path="/parcels", handler=accept, body=Parcel),
    Operation(method="PUT", path="/parcels", handler=replace, body=Parcel),
    Operation(method="PATCH", path="/parcels", handler=patch, body=Parcel),
    Operation(method="DELETE", path="/parcels", handler=read),
]


@pytest.fixture
def app(settings: Settings, lines: Lines) -> Application:
    """A service with operations, one of them without a body."""
    return create_app(settings, Service(identity=IDENTITY, routes=OPERATIONS), log_sink=lines)


@pytest.mark.parametrize(
    "given",
    [
        "application/json",
        "application/json; charset=utf-8",
        'application/json;charset="UTF-8"',
        "Application/JSON",
        "application/json; profile=x",
        'application/json ; profile="a; b=\\"c" ; charset=utf-8;',
        "application/merge-patch+json",
        "application/vnd.acme.parcel.v2+json",
    ],
)
def test_json_is_accepted(client: TestClient, given: str) -> None:
    """In upper and lower case, with parameters, and as `application/*+json`."""
    assert client.post("/parcels", content=BODY, headers={"Content-Type": given}).text == "1"


REFUSED = [
    "text/plain",
    "application/x-www-form-urlencoded",
    "application/xml",
    "application/jsonp",
    "application/json, text/plain",
    "application/json; charset=utf-16",
    "application/json; charset=utf-8; charset=utf-16",
    "application/json; profile",
    "application/json; a=b, text/plain",
    'application/json; a="b',
    "application/+json",
    "application/x-json",
    "application/json/x",
    "text/json",
    "json",
    "",
]


@pytest.mark.parametrize("given", REFUSED)
def test_another_media_type_is_refused(client: TestClient, lines: Lines, given: str) -> None:
    """415 names the accepted type, and is counted with the route as an error of the client."""
    response = client.post("/parcels", content=BODY, headers={"Content-Type": given})

    assert (response.status_code, response.headers["content-type"]) == (415, "application/problem+json")
    assert response.headers["accept"] == response.headers["accept-post"] == "application/json"
    (line,) = lines.named("http.request_finished")
    assert (line["http_route"], line["error_type"], line["level"]) == ("/parcels", "", "info")


def test_a_body_without_a_media_type_is_refused(client: TestClient) -> None:
    """With a length, in chunks, and empty. A page of another site can send one without asking first."""
    assert client.post("/parcels", content=BODY).status_code == 415
    assert client.post("/parcels", content=iter([BODY])).status_code == 415
    assert client.post("/parcels").status_code == 415


PATCHES = "application/merge-patch+json, application/json"


def test_each_method_names_what_it_accepts(client: TestClient) -> None:
    """In the header that the specification of the method defines."""
    text = {"Content-Type": "text/plain"}
    assert client.patch("/parcels", content=BODY, headers=text).headers["accept-patch"] == PATCHES
    assert client.put("/parcels", content=BODY, headers=text).headers["accept"] == "application/json"


@pytest.mark.parametrize("given", ["application/json", "application/merge-patch+json; charset=utf-8"])
def test_a_patch_is_a_merge_patch(client: TestClient, given: str) -> None:
    """Plain JSON means the same, as most clients send it."""
    assert client.patch("/parcels", content=BODY, headers={"Content-Type": given}).text == "1"


@pytest.mark.parametrize("given", ["application/json-patch+json", "application/vnd.acme.parcel+json"])
def test_a_patch_in_another_format_is_refused(client: TestClient, given: str) -> None:
    """Its members would be taken for values."""
    response = client.patch("/parcels", content=BODY, headers={"Content-Type": given})

    assert (response.status_code, response.headers["accept-patch"]) == (415, PATCHES)
    assert "application/json or application/merge-patch+json" in response.json()["detail"]


def test_an_operation_without_a_body_accepts_every_media_type(client: TestClient) -> None:
    """It ignores the body."""
    response = client.request("DELETE", "/parcels", content=b"x", headers={"Content-Type": "text/plain"})
    assert response.status_code == 200


@pytest.mark.parametrize("coding", ["gzip", "br", "GZIP", "identity, gzip", "deflate"])
def test_an_encoded_body_is_refused(client: TestClient, coding: str) -> None:
    """415 says that only `identity` is accepted."""
    headers = {"Content-Type": "application/json", "Content-Encoding": coding}
    response = client.post("/parcels", content=BODY, headers=headers)

    assert (response.status_code, response.headers["accept-encoding"]) == (415, "identity")


def test_a_body_that_says_it_is_not_encoded_is_accepted(client: TestClient) -> None:
    """`identity` means no content coding."""
    headers = {"Content-Type": "application/json", "Content-Encoding": "identity"}
    assert client.post("/parcels", content=BODY, headers=headers).text == "1"


def test_two_media_types_are_refused(app: Application) -> None:
    """Another recipient could use the other one."""
    for first in (b"application/json", b"application/json; a=b", b'application/json; a="b'):
        both = [(b"content-type", first), (b"content-type", b"text/plain")]
        assert _status(app, [*both, (b"content-length", b"13")]) == 415


def test_the_body_is_not_read(app: Application) -> None:
    """The refusal does not wait for the body."""
    assert _status(app, [(b"content-type", b"text/plain"), (b"content-length", b"13")]) == 415


def _status(app: Application, headers: Fields) -> int:
    """The status code of a request whose body never arrives."""
    scope: Scope = {
        "type": "http",
        "method": "POST",
        "path": "/parcels",
        "query_string": b"",
        "headers": headers,
    }
    statuses: list[int] = []

    async def receive() -> Message:
        pytest.fail("the body was read")

    async def send(message: Message) -> None:
        statuses.extend([message["status"]] if "status" in message else [])

    asyncio.run(app(scope, receive, send))
    return statuses[0]
