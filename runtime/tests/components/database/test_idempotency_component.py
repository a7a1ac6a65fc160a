"""Requests with a key in a service whose handlers write to the database: once, whole, and with the first response."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import Column, ForeignKey, Integer, MetaData, Table, func, insert, select, text
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.testclient import TestClient
from starlette.types import ASGIApp, Message, Send

from firstlight import REGISTRY, Operation, Service, Settings, create_app
from firstlight.components.database import DATABASE, Read
from firstlight.components.database.idempotency import IDEMPOTENCY, idempotency_table
from firstlight.idempotency.outcomes import OUTCOMES
from firstlight.problems import ConflictError
from firstlight.testing.lines import Lines

from .stores import create_tables

KEY = {"Idempotency-Key": "first-parcel"}
METADATA = MetaData()
KEYS = idempotency_table(METADATA)
PARCELS = Table("parcels", METADATA, Column("id", Integer, primary_key=True))
DEFERRED = {"deferrable": True, "initially": "DEFERRED"}
STAMPS = Table("stamps", METADATA, Column("parcel", ForeignKey("parcels.id", **DEFERRED), primary_key=True))  # type: ignore[arg-type] # no overload for a mapping
COUNT = Read(select(func.count().label("number")).select_from(PARCELS))


async def write(request: Request) -> int:
    """Create a parcel, in a transaction of the handler. Returns how many there are."""
    database = DATABASE.of(request)
    async with database.transaction() as session:
        await session.execute(insert(PARCELS).values())
    return await count(request)


async def count(request: Request) -> int:
    """The number of parcels."""
    [row] = await DATABASE.of(request).read(COUNT)
    number: int = row[0]
    return number


async def create(request: Request) -> Response:
    """Create a parcel, and answer how many there are."""
    return JSONResponse({"number": await write(request)}, 201)


async def number(request: Request) -> Response:
    """Answer how many there are."""
    return JSONResponse({"number": await count(request)})


async def refuse(request: Request) -> Response:
    """Create a parcel, and then think better of it."""
    await write(request)
    raise ConflictError


async def fail(request: Request) -> Response:
    """Create a parcel, and fail."""
    await write(request)
    raise LookupError


async def lose(request: Request) -> Response:
    """Create a parcel, and lose the connection to the server before the commit."""
    await write(request)
    database = DATABASE.of(request)
    async with database.transaction() as session:
        identifier = (await session.execute(text("SELECT pg_backend_pid()"))).scalar_one()

    async def terminate() -> None:
        async with database.transaction() as session:
            await session.execute(text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": identifier})

    await asyncio.create_task(terminate())
    return Response(status_code=204)


async def contradict(request: Request) -> Response:
    """Write what only the commit refuses."""
    async with DATABASE.of(request).transaction() as session:
        await session.execute(insert(STAMPS).values(parcel=7))
    return Response(status_code=204)


async def later(request: Request) -> Response:
    """Create a parcel, and another one after the response."""
    made = await write(request)
    return JSONResponse({"number": made}, 201, background=BackgroundTask(_write_later, request))


async def _write_later(request: Request) -> None:
    await write(request)
    if "fail" in request.query_params:
        raise LookupError


async def stream(request: Request) -> Response:
    """Create a parcel, and answer in parts, so many kilobytes."""
    await write(request)

    async def parts() -> AsyncIterator[bytes]:
        for _ in range(int(request.query_params["kilobytes"])):
            yield b"x" * 1024

    return StreamingResponse(parts(), 201)


BEGAN, RELEASED = threading.Event(), threading.Event()


def outlive(_: Request) -> Response:
    """Work in a thread until the client has its response."""
    assert RELEASED.wait(10)
    RELEASED.clear()
    return PlainTextResponse("done")


def wait(_: Request) -> Response:
    """Work in a thread until the request is cancelled."""
    BEGAN.set()
    assert RELEASED.wait(10)
    RELEASED.clear()
    BEGAN.clear()
    return PlainTextResponse("done")


def post(path: str, handler: Callable[..., Any], **more: Any) -> Operation:
    """An operation that honours keys."""
    return Operation(method="POST", path=path, handler=handler, idempotent=True, **more)


OPERATIONS = [
    Operation(method="GET", path="/parcels", handler=number),
    post("/parcels", create),
    post("/refuse", refuse),
    post("/fail", fail),
    post("/lose", lose),
    post("/contradict", contradict),
    post("/later", later),
    post("/stream", stream),
    post("/outlive", outlive, deadline_seconds=0.05),
    post("/wait", wait),
]


@pytest.fixture
def url(url: str) -> str:
    """A database with the tables."""
    create_tables(url, METADATA)
    return url


@pytest.fixture
def app(url: str, service: Service, settings: Settings, lines: Lines, monkeypatch: pytest.MonkeyPatch) -> ASGIApp:
    """A service with the database and keys in it."""
    monkeypatch.setenv("DATABASE_URL", url)
    service = replace(service, routes=OPERATIONS, components=[DATABASE, IDEMPOTENCY])
    settings = settings.model_copy(update={"idempotency_max_response_bytes": 4096})
    return create_app(settings, service, log_sink=lines)


@pytest.fixture
def client(app: ASGIApp) -> Iterator[TestClient]:
    """A client of the running service."""
    with TestClient(app, raise_server_exceptions=False) as client:
        yield client


@pytest.fixture(autouse=True)
def counted() -> Callable[[], Mapping[str, float]]:
    """A function that returns what was counted since the start of the test."""

    def values() -> dict[str, float]:
        name = "idempotency_requests_total"
        return {outcome: REGISTRY.get_sample_value(name, {"outcome": outcome}) or 0 for outcome in OUTCOMES}

    before = values()
    return lambda: {outcome: value - before[outcome] for outcome, value in values().items() if value != before[outcome]}


Counted = Callable[[], Mapping[str, float]]


def parcels(client: TestClient) -> int:
    """The number of parcels."""
    found: int = client.get("/parcels").json()["number"]
    return found


def test_a_repeated_request_gets_the_first_response(client: TestClient, counted: Counted) -> None:
    """The handler has read what it wrote before the commit. Another key runs."""
    first, second = client.post("/parcels", headers=KEY), client.post("/parcels", headers=KEY)

    assert (first.status_code, first.json()) == (second.status_code, second.json()) == (201, {"number": 1})
    assert second.headers["idempotent-replayed"] == "true"
    assert client.post("/parcels", headers={"Idempotency-Key": "2"}).json() == {"number": 2}
    assert client.post("/refuse", headers=KEY).status_code == 422
    assert counted() == {"new": 2, "replayed": 1, "reused": 1}


@pytest.mark.parametrize(("path", "status"), [("/refuse", 409), ("/fail", 500)])
def test_a_request_that_fails_is_rolled_back(client: TestClient, counted: Counted, path: str, status: int) -> None:
    """Also what the handler's own transaction has written."""
    for _ in range(2):
        assert client.post(path, headers=KEY).status_code == status

    assert parcels(client) == 0
    assert counted() == {"released": 2}


def test_a_lost_commit_is_not_acknowledged(
    postgresql_url: str, service: Service, settings: Settings, lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    """503, nothing is written, and the key is free."""
    create_tables(postgresql_url, METADATA)
    monkeypatch.setenv("DATABASE_URL", postgresql_url)
    service = replace(service, routes=OPERATIONS, components=[DATABASE, IDEMPOTENCY])
    with TestClient(create_app(settings, service, log_sink=lines), raise_server_exceptions=False) as client:
        refused = client.post("/lose", headers=KEY)
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "5")
        assert parcels(client) == 0
        assert client.post("/parcels", headers=KEY).json() == {"number": 1}


def test_a_commit_that_is_refused_is_not_acknowledged(client: TestClient) -> None:
    """A constraint that the server checks last is an error of the handler."""
    assert client.post("/contradict", headers=KEY).status_code == 500
    assert client.post("/parcels", headers=KEY).status_code == 201


def test_work_after_the_response_is_not_part_of_it(client: TestClient) -> None:
    """It has a transaction of its own, and a repeated request does not do it again."""
    for _ in range(2):
        assert client.post("/later", headers=KEY).json() == {"number": 1}

    assert parcels(client) == 2


def test_work_after_the_response_may_fail(client: TestClient) -> None:
    """What was acknowledged stays."""
    client.post("/later?fail", headers=KEY)

    assert client.post("/later?fail", headers=KEY).headers["idempotent-replayed"] == "true"
    assert parcels(client) == 2


async def posted(app: ASGIApp, client: TestClient, path: str, send: Send, spec_version: str = "2.4") -> None:
    """Post with the key, as a server of this version does. The client waits, and does not leave."""
    received: list[Message] = [{"type": "http.request", "body": b"", "more_body": False}]
    path, _, query = path.partition("?")
    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": spec_version},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [(b"host", b"testserver"), *((name.lower().encode(), key.encode()) for name, key in KEY.items())],
        "client": ("testclient", 50000),
        "server": ("testserver", 80),
        "state": dict(client.app_state),
    }

    async def receive() -> Message:
        if not received:
            await asyncio.Event().wait()
        return received.pop()

    await app(scope, receive, send)


async def committed(client: TestClient) -> int:
    """How many parcels other transactions see."""
    [row] = await client.app_state["database"].read(COUNT)
    return int(row[0])


@pytest.mark.parametrize("spec_version", ["2.3", "2.4"])
@pytest.mark.parametrize(("kilobytes", "again"), [(2, 201), (20, 409)])
def test_a_stream_is_committed_before_it_is_sent(
    app: ASGIApp, client: TestClient, spec_version: str, kilobytes: int, again: int
) -> None:
    """A small one is replayed; of a large one the fact is stored. For a server of 2.3, another task sends it."""
    path = f"/stream?kilobytes={kilobytes}"
    messages: list[Message] = []

    async def send(message: Message) -> None:
        # Another transaction sees it before the client has any part of the response.
        messages.append({**message, "parcels": await asyncio.create_task(committed(client))})

    assert client.portal is not None
    client.portal.call(posted, app, client, path, send, spec_version)

    assert sum(len(message.get("body", b"")) for message in messages) == kilobytes * 1024
    assert {message["parcels"] for message in messages} == {1}
    assert client.post(path, headers=KEY).status_code == again
    assert parcels(client) == 1


def test_a_thread_that_outlives_its_request_keeps_the_key(app: ASGIApp, client: TestClient) -> None:
    """Whether it had an effect is not known."""
    messages: list[Message] = []

    async def send(message: Message) -> None:
        messages.append(message)
        RELEASED.set()

    assert client.portal is not None
    client.portal.call(posted, app, client, "/outlive", send)

    assert messages[0]["status"] == 504
    assert "find out whether it had an effect" in client.post("/outlive", headers=KEY).json()["detail"]


def test_a_cancelled_request_in_a_thread_keeps_the_key(app: ASGIApp, client: TestClient) -> None:
    """The drain ends while the thread still works."""

    async def cancelled() -> None:
        task = asyncio.create_task(posted(app, client, "/wait", _drop))
        await asyncio.to_thread(BEGAN.wait, 10)
        task.cancel()
        await asyncio.sleep(0)  # the request is cancelled before its thread ends
        RELEASED.set()
        await asyncio.gather(task, return_exceptions=True)

    assert client.portal is not None
    client.portal.call(cancelled)
    assert "find out whether it had an effect" in client.post("/wait", headers=KEY).json()["detail"]


async def _drop(_: Message) -> None:
    pass


def test_a_client_that_left_gets_the_response_later(app: ASGIApp, client: TestClient) -> None:
    """The commit came first; then the connection broke, as if the process had been killed."""

    async def send(_: Message) -> None:
        raise OSError

    async def broken() -> None:
        await asyncio.gather(posted(app, client, "/parcels", send), return_exceptions=True)

    assert client.portal is not None
    client.portal.call(broken)
    assert client.post("/parcels", headers=KEY).headers["idempotent-replayed"] == "true"
