"""Compressed responses: which ones are, and what clients see of it."""

import gzip
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import anyio
import pytest
from pydantic import BaseModel, ConfigDict
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Mount, Route
from starlette.testclient import TestClient
from starlette.types import Message, Scope

from firstlight import Operation, Service, Settings, create_app
from firstlight.compression.compression import INLINE, SMALLEST, THREADS, Compression, CompressionThreads
from firstlight.testing.lines import Lines

from ..faults import IDENTITY, Once

TEXT = "text " * 500
LARGE = "large " * INLINE


class AnyParameters(BaseModel):
    """A query that may have any parameter."""

    model_config = ConfigDict(extra="allow")


async def text(request: Request, query: AnyParameters | None = None) -> Response:
    """A text, with the headers that the query names."""
    del query
    headers = dict(request.query_params)
    return PlainTextResponse(TEXT, headers=headers)


async def secret(request: Request) -> Response:
    """The same, as a secret."""
    return await text(request)


async def sized(request: Request, query: AnyParameters) -> Response:
    """A text of some bytes."""
    del query
    return PlainTextResponse("x" * int(request.query_params["bytes"]))


async def typed(request: Request, query: AnyParameters) -> Response:
    """A body of some media type."""
    del query
    return Response(TEXT, media_type=request.query_params["type"])


async def large(_: Request) -> Response:
    """A text that takes long to compress."""
    return PlainTextResponse(LARGE)


async def stream(_: Request) -> Response:
    """A stream, whose length is known."""

    async def parts() -> AsyncIterator[str]:
        for _ in range(5):
            yield TEXT

    return StreamingResponse(parts(), headers={"Content-Length": str(5 * len(TEXT))}, media_type="text/plain")


async def endless(_: Request) -> Response:
    """Events."""

    async def parts() -> AsyncIterator[str]:
        yield f"data: {TEXT}\n\n"

    return StreamingResponse(parts(), media_type="text/event-stream")


async def file(_: Request) -> Response:
    """A file."""
    return FileResponse(Path(__file__))


async def document(_: Request) -> Response:
    """A document."""
    return JSONResponse({"text": TEXT})


async def once(_: Request) -> Response:
    """The same text."""
    return Once(TEXT)


TABLE: list[BaseRoute | Operation] = [
    Operation(method="GET", path="/text", handler=text, query=AnyParameters),
    Operation(method="GET", path="/sized", handler=sized, query=AnyParameters),
    Operation(method="GET", path="/typed", handler=typed, query=AnyParameters),
    Operation(method="GET", path="/large", handler=large),
    Operation(method="GET", path="/stream", handler=stream),
    Operation(method="GET", path="/events", handler=endless),
    Operation(method="GET", path="/file", handler=file),
    Operation(method="GET", path="/document", handler=document),
    Operation(method="GET", path="/once", handler=once),
    Operation(method="GET", path="/secret", handler=secret, secret=True),
    Route("/plain", text),
    Mount("/mounted", Starlette(routes=[Route("/text", text)])),
]


@pytest.fixture(scope="module")
def client() -> Iterator[TestClient]:
    """A client of the service, which accepts gzip."""
    service = Service(identity=IDENTITY, routes=TABLE)
    with TestClient(
        create_app(Settings(port=0, management_port=0, drain_seconds=0), service, log_sink=Lines())
    ) as client:
        client.headers["Accept-Encoding"] = "gzip"
        yield client


@pytest.fixture(autouse=True)
def _without_cookies(client: TestClient) -> None:
    """A cookie that one test has received must not be sent by the next."""
    client.cookies.clear()


def coding(response: Any) -> str | None:
    """The content coding of a response."""
    found: str | None = response.headers.get("content-encoding")
    return found


@pytest.mark.parametrize("path", ["/text", "/plain", "/mounted/text", "/large", "/document", "/once"])
def test_a_text_is_compressed(client: TestClient, path: str) -> None:
    """Of an operation, of a plain route and of a mounted application, with the length of what is sent."""
    with client.stream("GET", path) as response:
        body = b"".join(response.iter_raw())
    assert coding(response) == "gzip"
    assert int(response.headers["content-length"]) == len(body)
    plain = client.get(path, headers={"Accept-Encoding": "identity"})
    assert coding(plain) is None
    assert gzip.decompress(body) == plain.content
    assert len(body) < len(plain.content) / 5
    assert response.headers["vary"] == plain.headers["vary"] == "Accept-Encoding"
    head = client.head(path)
    assert {**head.headers, "x-request-id": ""} == {**response.headers, "x-request-id": ""}
    assert head.content == b""


def test_a_small_response_is_not_touched(client: TestClient) -> None:
    """It does not vary either."""
    assert coding(client.get(f"/sized?bytes={SMALLEST}")) == "gzip"
    small = client.get(f"/sized?bytes={SMALLEST - 1}")
    assert coding(small) is None
    assert "vary" not in small.headers


@pytest.mark.parametrize("path", ["/stream", "/events", "/file"])
def test_streams_and_files_are_not_touched(client: TestClient, path: str) -> None:
    """Also if their length is known."""
    response = client.get(path)
    assert (response.status_code, coding(response)) == (200, None)
    assert len(response.content) > SMALLEST
    assert "vary" not in response.headers


def test_only_texts_are_compressed(client: TestClient) -> None:
    """Media types that are compressed already gain nothing."""
    types = {
        "application/json": "gzip",
        "application/problem+json": "gzip",
        "Application/JSON; charset=utf-8": "gzip",
        "application/vnd.acme.v2+json": "gzip",
        "text/html; charset=utf-8": "gzip",
        "image/svg+xml": "gzip",
        "application/javascript": "gzip",
        "text/event-stream": None,
        "image/png": None,
        "application/zip": None,
        "application/octet-stream": None,
        "x": None,
    }
    assert {kind: coding(client.get("/typed", params={"type": kind})) for kind in types} == types


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("/secret", {}),
        ("/text", {"Cookie": "session=1"}),
        ("/text", {"Authorization": "Basic dTpw"}),
        ("/text", {"Authorization": "Negotiate YII"}),
        ("/text", {"Authorization": "bearer"}),
        ("/text?Set-Cookie=session%3D1", {}),
        ("/text?Cache-Control=private,%20No-Store", {}),
        ("/plain?Cache-Control=no-store", {}),
        ("/text?Cache-Control=no-transform", {}),
    ],
)
def test_what_may_be_a_secret_is_not_compressed(client: TestClient, path: str, headers: dict[str, str]) -> None:
    """The length of a compressed response could tell it (BREACH)."""
    assert coding(client.get(path, headers=headers)) is None


def test_a_bearer_token_is_sent_by_no_browser_alone(client: TestClient) -> None:
    """A page of an attacker cannot make a browser send it."""
    assert coding(client.get("/text", headers={"Authorization": "Bearer abc"})) == "gzip"


@pytest.mark.parametrize(
    "name", ["Content-Encoding", "Content-Range", "Repr-Digest", "Content-Digest", "Accept-Ranges"]
)
def test_what_describes_the_bytes_keeps_them(client: TestClient, name: str) -> None:
    """They would describe others."""
    with client.stream("GET", f"/text?{name}=identity") as response:
        assert response.headers[name] == "identity"
        assert b"".join(response.iter_raw()) == TEXT.encode()


@pytest.mark.parametrize(("tag", "compressed"), [('"3"', '"3-gzip"'), ('W/"3"', 'W/"3"')])
def test_a_strong_tag_names_one_coding(client: TestClient, tag: str, compressed: str) -> None:
    """A weak one names both."""
    url = client.build_request("GET", "/text", params={"ETag": tag}).url
    assert client.get(url).headers["etag"] == compressed
    assert client.get(url, headers={"Accept-Encoding": "br"}).headers["etag"] == tag


def test_vary_is_added_to_that_of_the_handler(client: TestClient) -> None:
    """Once."""
    for given, expected in (("Origin", "Origin, Accept-Encoding"), ("accept-encoding", "accept-encoding"), ("*", "*")):
        response = client.get("/text", params={"Vary": given})
        assert ", ".join(response.headers.get_list("vary")) == expected


@pytest.mark.parametrize("path", ["/health/live", "/health/ready"])
def test_probes_are_not_touched(client: TestClient, path: str) -> None:
    """They do not pass through the routes."""
    response = client.get(path)
    assert coding(response) is None
    assert "vary" not in response.headers


def _scope() -> Scope:
    return {"type": "http", "method": "GET", "headers": [(b"accept-encoding", b"gzip")]}


async def _receive() -> Message:
    return {"type": "http.request", "body": b"", "more_body": False}


def test_busy_threads_cost_no_time() -> None:
    """A body is sent as it is when all threads for large bodies are in use."""
    encoded = []

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            encoded.append((b"content-encoding", b"gzip") in message["headers"])

    async def application(scope: Scope, receive: Any, send: Any) -> None:
        await PlainTextResponse(LARGE)(scope, receive, send)

    async def scenario() -> None:
        compression = Compression(application, CompressionThreads())

        async def serve() -> None:
            await compression(_scope(), _receive, send)

        async with anyio.create_task_group() as group:
            for _ in range(THREADS + 1):
                group.start_soon(serve)
        await serve()

    anyio.run(scenario)
    assert encoded.count(False) == 1
    assert encoded[-1] is True


def test_a_handler_that_fails_behind_its_start_has_sent_nothing() -> None:
    """So that the service can still answer with a problem."""
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def application(_: Scope, __: Any, send: Any) -> None:
        headers = [(b"content-type", b"text/plain"), (b"content-length", b"5000")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        msg = "too late"
        raise RuntimeError(msg)

    async def scenario() -> None:
        await Compression(application, CompressionThreads())(_scope(), _receive, send)

    with pytest.raises(RuntimeError, match="too late"):
        anyio.run(scenario)
    assert sent == []
