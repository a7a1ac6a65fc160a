"""Requests with a key: run once, replayed, refused, released."""

from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Route
from starlette.testclient import TestClient
from starlette.types import ASGIApp, Receive, Scope, Send

from firstlight import (
    REGISTRY,
    ArrangementError,
    Check,
    Component,
    Layer,
    NoSettings,
    Operation,
    Service,
    Settings,
    Surroundings,
    caller,
    create_app,
    nothing,
)
from firstlight.idempotency import (
    IDEMPOTENCY,
    AnyStore,
    Completion,
    Limits,
    MemoryStore,
    Name,
    Record,
    Store,
    StoredResponse,
    idempotency,
)
from firstlight.idempotency.middleware import honoured
from firstlight.idempotency.outcomes import OUTCOMES
from firstlight.problems import ConflictError, UnavailableError
from firstlight.testing.lines import Lines

from ..faults import Once

KEY = {"Idempotency-Key": '"first-parcel"'}


class Parcel(BaseModel):
    """The body of a new parcel."""

    weight: int


class Calls(list[str]):
    """What the handlers have done."""


CALLS = Calls()


async def create(_: Request, *, body: Parcel) -> Response:
    """Create a parcel."""
    CALLS.append(f"create {body.weight}")
    number = len(CALLS)
    headers = {"Location": f"/parcels/{number}", "X-Request-ID": "own"}
    response = JSONResponse({"number": number}, 201, headers)
    if body.weight > 1000:
        response.set_cookie("session", "1")
    return response


def other(name: str) -> Callable[..., Any]:
    """A handler of this name, which does something else with a parcel."""

    async def handler(_: Request, *, body: Parcel) -> Response:
        CALLS.append(f"other {body.weight}")
        return Response(status_code=204)

    handler.__name__ = name
    return handler


async def refuse(_: Request) -> Response:
    """Refuse, the first time."""
    CALLS.append("refuse")
    if len(CALLS) == 1:
        msg = "the name is taken"
        raise ConflictError(msg)
    return PlainTextResponse("accepted")


async def unavailable(_: Request) -> Response:
    """Be unavailable, the first time."""
    CALLS.append("unavailable")
    if len(CALLS) == 1:
        raise UnavailableError
    return PlainTextResponse("available")


async def fail(_: Request) -> Response:
    """Raise, the first time."""
    CALLS.append("fail")
    if len(CALLS) == 1:
        msg = "on demand"
        raise RuntimeError(msg)
    return PlainTextResponse("mended")


async def stream(request: Request) -> Response:
    """Stream so many bytes, and raise in between if asked to."""
    CALLS.append("stream")

    async def parts() -> AsyncIterator[bytes]:
        for _ in range(int(request.query_params["parts"])):
            yield b"x" * 512
        if "break" in request.query_params and len(CALLS) == 1:
            msg = "on demand"
            raise RuntimeError(msg)

    return StreamingResponse(parts())


async def once(_: Request) -> Response:
    """Something with a header."""
    CALLS.append("once")
    return Once("once", 201, {"Location": "/parcels/1"})


async def large(_: Request) -> Response:
    """StoredResponse with more than is stored."""
    CALLS.append("large")
    return PlainTextResponse("x" * 5000, 201)


async def plain(request: Request) -> Response:
    """StoredResponse with the body, from a plain route."""
    CALLS.append("plain")
    return Response(await request.body())


def post(path: str, handler: Callable[..., Any], **more: Any) -> Operation:
    """An operation that honours keys."""
    return Operation(method="POST", path=path, handler=handler, idempotent=True, **more)


OPERATIONS: list[BaseRoute | Operation] = [
    post("/parcels", create, body=Parcel),
    Operation(method="PUT", path="/parcels", handler=other("put"), body=Parcel, idempotent=True),
    post("/others/{name}", other("named"), body=Parcel),
    post("/required", other("required"), body=Parcel, idempotency_required=True),
    post("/short", other("short"), body=Parcel, idempotency_seconds=5),
    post("/refuse", refuse),
    post("/unavailable", unavailable),
    post("/fail", fail),
    post("/stream", stream),
    post("/large", large),
    post("/once", once),
    Operation(method="POST", path="/without", handler=other("without"), body=Parcel),
    Route("/plain", plain, methods=["POST"]),
]


class Clock:
    """A clock that tests set."""

    now = 1000.0

    def __call__(self) -> float:
        """Seconds."""
        return self.now


@pytest.fixture
def clock() -> Clock:
    """The clock of the store."""
    return Clock()


@pytest.fixture
def store(clock: Clock) -> MemoryStore:
    """The store that the service uses."""
    return MemoryStore(Limits(keys=40, bytes=100_000, caller_share=0.5), clock=clock)


def _named(app: ASGIApp, _: Operation | None) -> ASGIApp:
    """Authentication by a header that tests send."""

    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        for name, value in scope["headers"]:
            if name == b"x-name":
                caller.authenticate(scope, value.decode())
        await app(scope, receive, send)

    return wrapped


NAMES = Component(name="names", settings=NoSettings, open=nothing, middleware={Layer.AUTHENTICATE: _named})


def kept(store: Store) -> Component[NoSettings, AnyStore]:
    """The component with this store."""

    @asynccontextmanager
    async def opened(_: Surroundings[NoSettings]) -> AsyncIterator[Store]:
        yield store

    return idempotency(opened)


@pytest.fixture
def service(service: Service, store: MemoryStore) -> Service:
    """The service of these tests."""
    CALLS.clear()
    return replace(service, routes=OPERATIONS, components=[NAMES, kept(store)])


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Small responses only are stored."""
    return settings.model_copy(update={"idempotency_max_response_bytes": 4096})


@pytest.fixture(autouse=True)
def counted() -> Callable[[], Mapping[str, float]]:
    """A function that returns what was counted since the start of the test."""

    def values() -> dict[str, float]:
        return {
            outcome: REGISTRY.get_sample_value("idempotency_requests_total", {"outcome": outcome}) or 0
            for outcome in OUTCOMES
        }

    before = values()
    return lambda: {outcome: value - before[outcome] for outcome, value in values().items() if value != before[outcome]}


Counted = Callable[[], Mapping[str, float]]


def test_a_repeated_request_gets_the_stored_response(client: TestClient, counted: Counted) -> None:
    """Status, body and the headers of the resource; its own request id; no cookie."""
    first = client.post("/parcels", json={"weight": 3}, headers=KEY)
    second = client.post("/parcels", json={"weight": 3}, headers=KEY)

    assert CALLS == ["create 3"]
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.content == second.content == b'{"number":1}'
    for name in ("location", "content-type", "content-length"):
        assert first.headers[name] == second.headers[name]
    assert first.headers["x-request-id"] != second.headers["x-request-id"] != "own"
    assert "idempotent-replayed" not in first.headers
    assert second.headers["idempotent-replayed"] == "true"
    assert counted() == {"new": 1, "replayed": 1}


def test_headers_may_be_readable_once(client: TestClient) -> None:
    """The client and the store get them."""
    answers = [client.post("/once", headers=KEY) for _ in range(2)]

    assert CALLS == ["once"]
    assert [answer.headers["location"] for answer in answers] == ["/parcels/1"] * 2


def test_a_cookie_is_not_stored(client: TestClient) -> None:
    """It is a secret of the first response."""
    first = client.post("/parcels", json={"weight": 1001}, headers=KEY)
    client.cookies.clear()
    second = client.post("/parcels", json={"weight": 1001}, headers=KEY)

    assert "set-cookie" in first.headers
    assert second.headers["idempotent-replayed"] == "true"
    assert "set-cookie" not in second.headers


def test_without_a_key_every_request_runs(client: TestClient, counted: Counted) -> None:
    """And where keys are not honoured, a key has no effect."""
    for _ in range(2):
        client.post("/parcels", json={"weight": 3})
        client.post("/without", json={"weight": 4}, headers=KEY)
        assert client.post("/plain", content=b"x", headers=KEY).content == b"x"

    assert CALLS == ["create 3", "other 4", "plain"] * 2
    assert counted() == {}


def test_operations_without_keys_and_plain_routes_are_not_wrapped() -> None:
    """They cost nothing."""
    app: Any = object()

    assert honoured(app, None) is app
    assert honoured(app, Operation(method="POST", path="/without", handler=other("without"))) is app


@pytest.mark.parametrize(
    ("method", "path", "body", "headers"),
    [
        ("POST", "/parcels", '{"weight":4}', {}),
        ("POST", "/parcels", '{"weight": 3}', {}),
        ("PUT", "/parcels", '{"weight":3}', {}),
        ("POST", "/others/a", '{"weight":3}', {}),
        ("POST", "/parcels?dry=1", '{"weight":3}', {}),
        ("POST", "/parcels", '{"weight":3}', {"Content-Type": "application/json; charset=utf-8"}),
        ("POST", "/parcels", '{"weight":3}', {"Authorization": "Bearer another"}),
        ("POST", "/parcels", '{"weight":3}', {"Cookie": "session=another"}),
    ],
)
def test_a_key_of_another_request_is_refused(  # noqa: PLR0913, PLR0917 - one column each
    client: TestClient, counted: Counted, lines: Lines, method: str, path: str, body: str, headers: Mapping[str, str]
) -> None:
    """Another body, method, target, media type, or other credentials: 422, and a security event without the key."""
    events = REGISTRY.get_sample_value("security_events_total", {"event": "key_reused"}) or 0
    json = {"Content-Type": "application/json"}
    assert client.post("/parcels", content='{"weight":3}', headers={**KEY, **json}).status_code == 201

    refused = client.request(method, path, content=body, headers={**KEY, **json, **headers})

    assert refused.status_code == 422
    assert refused.headers["content-type"] == "application/problem+json"
    assert "belongs to another request" in refused.json()["detail"]
    assert CALLS == ["create 3"]
    assert counted() == {"new": 1, "reused": 1}
    assert REGISTRY.get_sample_value("security_events_total", {"event": "key_reused"}) == events + 1
    assert all("9f1c3b7e" not in str(line) for line in lines.events)


def test_the_order_of_the_fields_does_not_matter(client: TestClient, counted: Counted) -> None:
    """A proxy may change it."""
    fields = [("Cookie", "a=1"), ("Authorization", "Basic eDp5"), *KEY.items()]
    for headers in (fields, fields[::-1]):
        assert client.post("/parcels", json={"weight": 3}, headers=headers).status_code == 201

    assert counted() == {"new": 1, "replayed": 1}


def test_a_key_belongs_to_its_caller(client: TestClient, counted: Counted) -> None:
    """Another caller with the same key and body runs its own request, and gets its own response."""
    bodies = [
        client.post("/parcels", json={"weight": 3}, headers={**KEY, **name}).json()
        for name in ({"X-Name": "ann"}, {"X-Name": "bob"}, {}, {"X-Name": "ann"}, {"X-Name": "bob"})
    ]

    assert bodies == [{"number": 1}, {"number": 2}, {"number": 3}, {"number": 1}, {"number": 2}]
    assert counted() == {"new": 3, "replayed": 2}


def test_new_credentials_of_the_same_caller_do_not_matter(client: TestClient, counted: Counted) -> None:
    """A token is renewed between two attempts; authentication has named the caller."""
    for token in ("old", "new"):
        headers = {**KEY, "X-Name": "ann", "Authorization": f"Bearer {token}"}
        assert client.post("/parcels", json={"weight": 3}, headers=headers).status_code == 201

    assert counted() == {"new": 1, "replayed": 1}


def test_a_response_expires(client: TestClient, clock: Clock, counted: Counted) -> None:
    """After `IDEMPOTENCY_SECONDS`, or the seconds of the operation."""
    for path in ("/others/a", "/short"):
        client.post(path, json={"weight": 3}, headers={"Idempotency-Key": path})
    clock.now += 5
    for path in ("/others/a", "/short"):
        client.post(path, json={"weight": 3}, headers={"Idempotency-Key": path})
    assert counted() == {"new": 3, "replayed": 1}
    clock.now += 595
    client.post("/others/a", json={"weight": 3}, headers={"Idempotency-Key": "/others/a"})

    assert counted() == {"new": 4, "replayed": 1}


@pytest.mark.parametrize(
    ("path", "status"), [("/refuse", 409), ("/unavailable", 503), ("/fail", 500), ("/stream?parts=1&break=", 200)]
)
def test_a_request_that_did_not_succeed_runs_again(
    client: TestClient, counted: Counted, store: MemoryStore, path: str, status: int
) -> None:
    """After an error of the client or the service, an exception, and a stream that broke off."""
    assert client.post(path, headers=KEY).status_code == status
    assert store.keys == 0
    again = client.post(path, headers=KEY)

    assert again.status_code == 200
    assert "idempotent-replayed" not in again.headers
    assert len(CALLS) == 2
    assert counted() == {"released": 1, "new": 1}


def test_an_invalid_body_does_not_use_the_key(client: TestClient, counted: Counted) -> None:
    """The client corrects the body, and keeps the key."""
    assert client.post("/parcels", json={"weight": "x"}, headers=KEY).status_code == 422
    assert client.post("/parcels", json={"weight": 1}, headers=KEY).status_code == 201
    assert counted() == {"released": 1, "new": 1}


def test_a_stream_is_stored_when_it_is_small(client: TestClient, counted: Counted) -> None:
    """As a whole, when it has ended."""
    first = client.post("/stream?parts=3", headers=KEY)
    second = client.post("/stream?parts=3", headers=KEY)

    assert first.content == second.content == b"x" * 1536
    assert CALLS == ["stream"]
    assert counted() == {"new": 1, "replayed": 1}


@pytest.mark.parametrize(("path", "size", "status"), [("/large", 5000, 201), ("/stream?parts=20", 10240, 200)])
def test_a_response_that_is_not_stored_is_not_run_again(
    client: TestClient, counted: Counted, path: str, size: int, status: int
) -> None:
    """The first client gets it whole. A repeated request learns that it was processed."""
    first = client.post(path, headers=KEY)
    second = client.post(path, headers=KEY)

    assert (first.status_code, len(first.content)) == (status, size)
    assert second.status_code == 409
    assert f"was answered with status {status}" in second.json()["detail"]
    assert len(CALLS) == 1
    assert counted() == {"not_stored": 1, "not_replayed": 1}


def test_a_key_may_be_required(client: TestClient, counted: Counted) -> None:
    """The refusal says what to send."""
    refused = client.post("/required", json={"weight": 3})

    assert refused.status_code == 400
    assert refused.json()["detail"].startswith("This operation needs the header Idempotency-Key: ")
    assert client.post("/required", json={"weight": 3}, headers=KEY).status_code == 204
    assert counted() == {"refused": 1, "new": 1}


def test_a_bad_key_is_refused(client: TestClient, counted: Counted) -> None:
    """With one sentence that does not repeat the key, before anything is stored or run."""
    for value in ("", '""', '"', "a b", "<script>", "x" * 256, '"a";b=1'):
        refused = client.post("/parcels", json={"weight": 3}, headers={"Idempotency-Key": value})
        if value == "<script>":  # visible ASCII: a key, which no response repeats
            assert refused.status_code == 201
            continue
        assert refused.status_code == 400, value
        assert refused.json()["detail"].startswith("The header Idempotency-Key must be one key of 1 to 255 ")
    twice = client.post("/parcels", json={"weight": 3}, headers=[*KEY.items(), *KEY.items()])

    assert twice.status_code == 400
    assert counted() == {"refused": 7, "new": 1}


def test_quotes_are_optional(client: TestClient, counted: Counted) -> None:
    """The same key with and without them."""
    for key in ("abc", '"abc"'):
        client.post("/parcels", json={"weight": 3}, headers={"Idempotency-Key": key})

    assert counted() == {"new": 1, "replayed": 1}


def test_a_full_store_refuses_new_keys_and_keeps_the_old(client: TestClient, clock: Clock, counted: Counted) -> None:
    """429 at the limit of one caller, 507 at that of all. Requests without a key are served."""

    def send(key: str, name: str) -> Any:
        return client.post("/others/a", json={"weight": 3}, headers={"Idempotency-Key": key, "X-Name": name})

    for number in range(20):
        assert send(f"{number}", "ann").status_code == 204
    refused = send("20", "ann")
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "60")
    for number in range(20):
        assert send(f"{number}", "bob").status_code == 204
    refused = send("0", "carol")
    assert (refused.status_code, refused.headers["retry-after"]) == (507, "60")
    assert send("0", "ann").headers["idempotent-replayed"] == "true"
    assert client.post("/others/a", json={"weight": 3}).status_code == 204
    assert counted() == {"new": 40, "full": 2, "replayed": 1}
    clock.now += 600
    assert send("20", "ann").status_code == 204


class Broken(MemoryStore):
    """A store whose server is down for some of its methods."""

    def __init__(self, *methods: str) -> None:
        """These methods raise."""
        super().__init__()
        self.down = set(methods)

    def _require(self, method: str) -> None:
        if method in self.down:
            msg = "the server is down"
            raise ConnectionError(msg)

    async def reserve(self, name: Name, fingerprint: bytes, seconds: float) -> str | Record:
        """Raise, or reserve."""
        self._require("reserve")
        return await super().reserve(name, fingerprint, seconds)

    async def complete(self, name: Name, token: str, response: StoredResponse, seconds: float) -> Completion:
        """Raise, or complete."""
        self._require("complete")
        return await super().complete(name, token, response, seconds)

    async def release(self, name: Name, token: str) -> None:
        """Raise, or release."""
        self._require("release")
        await super().release(name, token)

    def checks(self) -> Sequence[Check]:
        """One check."""

        async def reach() -> None:
            self._require("check")

        return [Check("keys", reach)]


def _with(settings: Settings, service: Service, store: Store, lines: Lines) -> Iterator[TestClient]:
    service = replace(service, components=[kept(store)])
    with TestClient(create_app(settings, service, log_sink=lines), raise_server_exceptions=False) as client:
        yield client


def test_a_store_that_is_down_refuses_before_the_handler_runs(
    settings: Settings, service: Service, lines: Lines, counted: Counted
) -> None:
    """503, and the access event has the reason. Without a key the request is served."""
    for client in _with(settings, service, Broken("reserve"), lines):
        refused = client.post("/parcels", json={"weight": 3}, headers=KEY)
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "5")
        assert CALLS == []
        assert client.post("/parcels", json={"weight": 3}).status_code == 201
        assert counted() == {"unavailable": 1}

    reasons = [line["reason"] for line in lines.events if "reason" in line]
    assert any("the server is down" in reason for reason in reasons)


def test_a_store_that_fails_afterwards_does_not_cost_the_response(
    settings: Settings, service: Service, lines: Lines, counted: Counted
) -> None:
    """The handler has run: its response is sent, the error is logged, and the key stays reserved."""
    for client in _with(settings, service, Broken("complete"), lines):
        assert client.post("/parcels", json={"weight": 3}, headers=KEY).status_code == 201
        again = client.post("/parcels", json={"weight": 3}, headers=KEY)
        assert (again.status_code, again.headers["retry-after"]) == (409, "1")
        assert CALLS == ["create 3"]
        assert counted() == {"unavailable": 1, "in_flight": 1}

    assert [line["event"] for line in lines.events if line["level"] == "error"] == ["idempotency.store_failed"]


def test_a_key_that_cannot_be_released_stays_reserved(
    settings: Settings, service: Service, lines: Lines, counted: Counted
) -> None:
    """The response of the handler is sent all the same."""
    for client in _with(settings, service, Broken("release"), lines):
        assert client.post("/fail", headers=KEY).status_code == 500
        assert client.post("/fail", headers=KEY).status_code == 409
        assert counted() == {"released": 1, "in_flight": 1}


def test_the_checks_of_the_store_are_those_of_the_component() -> None:
    """A database is checked, memory is not."""
    assert [check.name for check in IDEMPOTENCY.checks(Broken())] == ["keys"]
    assert IDEMPOTENCY.checks(MemoryStore()) == ()


def test_an_idempotent_operation_needs_the_component(settings: Settings, service: Service) -> None:
    """Otherwise a repeated request would run twice, and nobody would know."""
    with pytest.raises(ArrangementError, match=r"POST /parcels, by the service, is idempotent; add IDEMPOTENCY of "):
        create_app(settings, replace(service, components=[]))


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ({"idempotency_required": True}, "set idempotent=True as well"),
        ({"idempotency_seconds": 5.0}, "set idempotent=True as well"),
        ({"idempotent": True, "idempotency_seconds": 0.0}, "has idempotency_seconds=0; it must be more than 0"),
    ],
)
def test_metadata_that_contradicts_itself_stops_the_start(
    settings: Settings, service: Service, row: Mapping[str, Any], says: str
) -> None:
    """With one sentence that says what to change."""
    operation = Operation(method="POST", path="/a", handler=other("contradicting"), **row)
    with pytest.raises(ArrangementError, match=says):
        create_app(settings, replace(service, routes=[operation]))


def test_the_component_is_complete(settings: Settings, service: Service, lines: Lines) -> None:
    """The shipped one stores within the limits of the settings, and exports its size."""
    service = replace(service, components=[IDEMPOTENCY])
    with TestClient(create_app(settings, service, log_sink=lines)) as client:
        client.post("/parcels", json={"weight": 3}, headers=KEY)
        assert client.post("/parcels", json={"weight": 3}, headers=KEY).headers["idempotent-replayed"] == "true"
        assert REGISTRY.get_sample_value("idempotency_stored_keys") == 1
        assert (REGISTRY.get_sample_value("idempotency_stored_bytes") or 0) > 832
