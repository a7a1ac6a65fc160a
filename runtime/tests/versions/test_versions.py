"""Versions of an API by path, by header and by media type; deprecated versions say so on every response."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.testclient import TestClient
from starlette.types import ASGIApp, Receive, Scope, Send

from firstlight import ArrangementError, Component, Layer, NoSettings, Operation, Service, Settings, create_app, nothing
from firstlight.metrics.instruments import REGISTRY
from firstlight.problems import NotFoundError, ProblemResponse
from firstlight.testing.lines import Lines
from firstlight.versions import ByHeader, ByMediaType, ByPath, Version

from ..faults import IDENTITY

GUIDE = "https://example.com/guides/v2?from=v1"
OLD: dict[str, Any] = {"deprecated": date(2026, 1, 1), "sunset": datetime(2027, 1, 1, 12, tzinfo=UTC), "guide": GUIDE}
ENDS = {"deprecation": "@1767225600", "sunset": "Fri, 01 Jan 2027 12:00:00 GMT"}


class Body(BaseModel):
    """A body."""

    name: str


async def first(request: Request) -> Response:
    """Answer as version 1."""
    if "fail" in request.url.path:
        raise RuntimeError
    if "missing" in request.url.path:
        raise NotFoundError
    return JSONResponse({"url": "v1"})


async def second(_: Request) -> Response:
    """Answer as version 2."""
    return JSONResponse({"target": "v2"})


async def write_first(_: Request, *, body: Body) -> Response:
    """Write as version 1."""
    return JSONResponse({"name": body.name})


async def write_second(_: Request, *, body: Body) -> Response:
    """Write as version 2."""
    return JSONResponse({"title": body.name})


async def text(_: Request) -> Response:
    """Answer in plain text."""
    return PlainTextResponse("text", headers={"Vary": "Accept-Encoding"})


def operations(by: Any, path: str = "/api/items", **second_version: Any) -> list[Operation]:
    """Two versions of two operations."""
    v1, v2 = Version("v1", by, **OLD), Version("v2", by, **second_version)
    return [
        Operation(method="GET", path=path, handler=first, version=v1),
        Operation(method="GET", path=path, handler=second, version=v2),
        Operation(method="POST", path=path, handler=write_first, body=Body, version=v1),
        Operation(method="POST", path=path, handler=write_second, body=Body, version=v2),
    ]


V1, V2 = Version("v1", successor="v2", **OLD), Version("v2")
BY_PATH = [
    Operation(method="GET", path="/api/v1/items/{name}", handler=first, version=V1),
    Operation(method="GET", path="/api/v2/items/{name}", handler=second, version=V2),
    Operation(method="POST", path="/api/v1/items/{name}", handler=write_first, body=Body, version=V1),
]
Clients = Callable[..., TestClient]


@pytest.fixture
def client_of(settings: Settings, lines: Lines) -> Clients:
    """A client of a service with these operations."""

    def made(routes: list[Operation], **service: Any) -> TestClient:
        app = create_app(settings, Service(identity=IDENTITY, routes=routes, **service), log_sink=lines)
        return TestClient(app, raise_server_exceptions=False)

    return made


def count(route: str, version: str) -> float | None:
    """The counted requests."""
    labels = {"http_route": route, "api_version": version}
    return REGISTRY.get_sample_value("http_server_api_requests_total", labels)


def test_versions_by_path(client_of: Clients) -> None:
    """The path names the version, and only the deprecated one says when it ends."""
    client = client_of(BY_PATH)

    old, new = client.get("/api/v1/items/a"), client.get("/api/v2/items/a")
    assert (old.json(), new.json()) == ({"url": "v1"}, {"target": "v2"})
    assert {name: old.headers[name] for name in ENDS} == ENDS
    assert not {"deprecation", "sunset", "link", "vary"} & new.headers.keys()
    assert client.get("/api/v3/items/a").status_code == 404


@pytest.mark.parametrize(
    ("name", "target"),
    [("a", "a"), ("%3Ca%22%3E%0D%0A", "%3Ca%22%3E%0D%0A"), ("v1", "v1"), ("%E2%82%AC%27", "%E2%82%AC%27")],
)
def test_a_deprecated_version_links_to_its_guide_and_successor(client_of: Clients, name: str, target: str) -> None:
    """The successor is the same resource in the next version, without the client's text unescaped."""
    links = client_of(BY_PATH).get(f"/api/v1/items/{name}").headers.get_list("link")

    assert links == [
        f'<{GUIDE}>; rel="deprecation"; type="text/html"',
        f'<{GUIDE}>; rel="sunset"; type="text/html"',
        f'</api/v2/items/{target}>; rel="successor-version"',
    ]


def test_a_long_path_gets_no_link_of_its_own(client_of: Clients) -> None:
    """The headers do not grow with the request."""
    response = client_of(BY_PATH).get(f"/api/v1/items/{'a' * 3000}")

    assert "successor" not in response.headers["link"]
    assert response.headers["deprecation"] == ENDS["deprecation"]


class Refusing:
    """Middleware that refuses every request."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer 401."""
        await ProblemResponse(401, "No.")(scope, receive, send)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api/v1/items/missing", 404),
        ("GET", "/api/v1/items/fail", 500),
        ("POST", "/api/v1/items/a", 400),
        ("HEAD", "/api/v1/items/a", 200),
    ],
)
def test_errors_of_a_deprecated_version_say_so_too(client_of: Clients, method: str, path: str, status: int) -> None:
    """Also those that are made outside of the operation."""
    response = client_of(BY_PATH).request(method, path, headers={"Content-Type": "application/json"})

    assert response.status_code == status
    assert {name: response.headers.get_list(name) for name in ENDS} == {name: [value] for name, value in ENDS.items()}
    assert len(response.headers.get_list("link")) == 3


def test_refusals_of_middleware_say_so_too(client_of: Clients) -> None:
    """A layer around the route may answer."""

    def refusing(_: ASGIApp, __: Operation | None) -> ASGIApp:
        return Refusing()

    guard: Component[Any, Any] = Component(
        name="guard", settings=NoSettings, open=nothing, middleware={Layer.AUTHENTICATE: refusing}
    )
    response = client_of(BY_PATH, components=[guard]).get("/api/v1/items/a")

    assert (response.status_code, response.headers["deprecation"]) == (401, ENDS["deprecation"])


@pytest.mark.parametrize(
    ("headers", "document"),
    [
        ({"API-Version": "v1"}, {"url": "v1"}),
        ({"API-Version": "1"}, {"url": "v1"}),
        ({"api-version": " V2 "}, {"target": "v2"}),
        ({}, {"target": "v2"}),
        ({"API-Version": ""}, {"target": "v2"}),
    ],
)
def test_versions_by_header(client_of: Clients, headers: dict[str, str], document: object) -> None:
    """The header chooses. Without it, the default version answers. Caches must keep the versions apart."""
    response = client_of(operations(ByHeader(), default=True)).get("/api/items", headers=headers)

    assert response.json() == document
    assert response.headers["vary"] == "API-Version"
    assert ("deprecation" in response.headers) is (document == {"url": "v1"})


@pytest.mark.parametrize("given", ["v3", "0", "v1,v2", "latest", "v1\xff"])
def test_an_unknown_version_by_header_is_a_bad_request(client_of: Clients, given: str) -> None:
    """It says which versions there are, and not what the client sent."""
    before = count("/api/items", "unknown") or 0
    client = client_of(operations(ByHeader(), default=True))

    response = client.get("/api/items", headers=[(b"api-version", given.encode("latin-1"))])
    assert response.status_code == 400
    assert response.json()["detail"] == "The field API-Version must name a version of this operation: v1 or v2."
    assert (response.json()["type"], response.headers["vary"]) == ("/problems/bad-request", "API-Version")
    assert count("/api/items", "unknown") == before + 1


def test_two_headers_are_refused(client_of: Clients) -> None:
    """They may contradict each other."""
    client = client_of(operations(ByHeader(), default=True))

    assert client.get("/api/items", headers=[("API-Version", "v1"), ("API-Version", "v2")]).status_code == 400


def test_without_a_default_the_client_must_name_a_version(client_of: Clients) -> None:
    """By header 400, by media type 406."""
    assert client_of(operations(ByHeader("X-Version"))).get("/api/items").status_code == 400
    assert client_of(operations(ByMediaType("vnd.example"))).get("/api/items").status_code == 406


EXAMPLE = "application/vnd.example"


@pytest.mark.parametrize(
    ("accept", "document", "content_type"),
    [
        (f"{EXAMPLE}.v1+json", {"url": "v1"}, f"{EXAMPLE}.v1+json"),
        (f"{EXAMPLE.upper()}.V2+JSON", {"target": "v2"}, f"{EXAMPLE}.v2+json"),
        (f"{EXAMPLE}+json; version=1", {"url": "v1"}, f"{EXAMPLE}+json; version=v1"),
        ('application/json;version="v2"', {"target": "v2"}, "application/json; version=v2"),
        ("application/json; version=1", {"url": "v1"}, "application/json; version=v1"),
        (f"{EXAMPLE}.v1+json;q=0.5, {EXAMPLE}.v2+json;q=0.9", {"target": "v2"}, f"{EXAMPLE}.v2+json"),
        (f"{EXAMPLE}.v9+json, {EXAMPLE}.v1+json;q=0.1", {"url": "v1"}, f"{EXAMPLE}.v1+json"),
        (f"{EXAMPLE}.v1+json, */*;q=0.8", {"url": "v1"}, f"{EXAMPLE}.v1+json"),
        ("application/json", {"target": "v2"}, "application/json"),
        (f"{EXAMPLE}+json", {"target": "v2"}, "application/json"),
        ("*/*", {"target": "v2"}, "application/json"),
        ("text/html, application/*;q=0.1", {"target": "v2"}, "application/json"),
        ("", {"target": "v2"}, "application/json"),
        ("x" * 5000, {"target": "v2"}, "application/json"),
    ],
)
def test_versions_by_media_type(client_of: Clients, accept: str, document: object, content_type: str) -> None:
    """The best known version that the client accepts."""
    client = client_of(operations(ByMediaType("vnd.example"), default=True))

    response = client.get("/api/items", headers={"Accept": accept})
    assert (response.status_code, response.json()) == (200, document)
    assert (response.headers["content-type"], response.headers["vary"]) == (content_type, "Accept")


@pytest.mark.parametrize(
    "accept",
    [
        f"{EXAMPLE}.v9+json",
        "application/json; version=9",
        "text/html",
        f"{EXAMPLE}.v1+json;q=0",
        "application/json;q=0",
    ],
)
def test_an_unknown_version_by_media_type_is_not_acceptable(client_of: Clients, accept: str) -> None:
    """406 names the versions (RFC 9110, 15.5.7)."""
    client = client_of(operations(ByMediaType("vnd.example"), default=True))

    response = client.get("/api/items", headers={"Accept": accept})
    assert (response.status_code, response.json()["type"]) == (406, "/problems/not-acceptable")
    expected = "Accept must name a version of this operation as in application/vnd.example.v1+json: v1 or v2."
    assert response.json()["detail"] == expected


@pytest.mark.parametrize(
    ("content_type", "accept", "answer"),
    [
        (f"{EXAMPLE}.v1+json", "*/*", {"name": "a"}),
        (f"{EXAMPLE}+json; version=1", f"{EXAMPLE}.v1+json", {"name": "a"}),
        ("application/json", f"{EXAMPLE}.v1+json", {"name": "a"}),
        ("application/json; version=1", "*/*", {"name": "a"}),
        ("application/json", "*/*", {"title": "a"}),
        (f"{EXAMPLE}.v9+json", "*/*", 415),
        (f"{EXAMPLE}.v1+json", f"{EXAMPLE}.v2+json", 415),
        ("application/json; version=9", "*/*", 415),
        ("text/plain", "*/*", 415),
    ],
)
def test_a_body_names_its_version_too(client_of: Clients, content_type: str, accept: str, answer: object) -> None:
    """`Content-Type` chooses where `Accept` does not, and must not contradict it."""
    client = client_of(operations(ByMediaType("vnd.example"), default=True))

    response = client.post(
        "/api/items", content=b'{"name": "a"}', headers={"Content-Type": content_type, "Accept": accept}
    )
    assert (response.status_code if isinstance(answer, int) else response.json()) == answer


def test_other_fields_and_media_types_are_kept(client_of: Clients) -> None:
    """A response that is not JSON keeps its media type, and its own `Vary`."""
    v1 = Version("v1", ByMediaType("vnd.example"), default=True)
    client = client_of([Operation(method="GET", path="/text", handler=text, version=v1)])

    response = client.get("/text", headers={"Accept": f"{EXAMPLE}.v1+json"})
    assert response.headers["content-type"].startswith("text/plain")
    assert response.headers.get_list("vary") == ["Accept-Encoding", "Accept"]


def test_a_version_alone_at_its_path_is_checked_too(client_of: Clients) -> None:
    """A client that asks for another version must not get this one."""
    client = client_of([Operation(method="GET", path="/one", handler=first, version=Version("v1", ByHeader()))])

    assert client.get("/one", headers={"API-Version": "1"}).status_code == 200
    assert client.get("/one", headers={"API-Version": "2"}).json()["detail"].endswith("operation: v1.")


def test_a_wrong_method_names_those_of_all_versions(client_of: Clients) -> None:
    """405 with `Allow`."""
    response = client_of(operations(ByHeader(), default=True)).delete("/api/items")

    assert response.status_code == 405
    assert {*response.headers["allow"].split(", ")} == {"GET", "HEAD", "POST"}


def test_requests_are_counted_by_version(client_of: Clients) -> None:
    """Every declared version has a series from the start."""
    client, by_path = client_of(operations(ByHeader(), "/counted")), client_of(BY_PATH)
    before = {version: count("/counted", version) for version in ("v1", "v2", "unknown")}

    assert before == dict.fromkeys(before, 0)
    for version in ("v1", "v2", "v2", "v3"):
        client.get("/counted", headers={"API-Version": version})
    assert [count("/counted", version) for version in before] == [1, 2, 1]
    old = count("/api/v1/items/{name}", "v1") or 0
    by_path.get("/api/v1/items/a")
    assert count("/api/v1/items/{name}", "v1") == old + 1


EAST = timezone(timedelta(hours=2))


def test_a_moment_is_written_in_utc(client_of: Clients) -> None:
    """A time in another zone, and a sunset without a guide."""
    ends = datetime(2027, 1, 1, 1, tzinfo=EAST)
    version = Version("v1", deprecated=ends, sunset=ends)
    response = client_of([Operation(method="GET", path="/v1/one", handler=first, version=version)]).get("/v1/one")

    assert response.headers["sunset"] == "Thu, 31 Dec 2026 23:00:00 GMT"
    assert response.headers["deprecation"] == f"@{int(ends.timestamp())}"
    assert "link" not in response.headers


def one(path: str = "/v1/a", **version: Any) -> Operation:
    """An operation in a version."""
    return Operation(method="GET", path=path, handler=first, version=Version(**{"name": "v1", **version}))


HEADER = ByHeader()


@pytest.mark.parametrize(
    ("routes", "sentence"),
    [
        ([one(name="V1")], "must have a name such as v2"),
        ([one("/api/a", successor="v2")], "must be a segment of the path, such as /api/v1/..."),
        ([one("/{a}/v1/b", successor="v2")], "must be a segment of the path"),
        ([one(by=ByHeader("no good"))], "must have a header field such as API-Version, not 'no good'"),
        ([one(by=ByMediaType("x/y"))], "must have the name of a media type such as vnd.example"),
        ([one(guide="<x>")], "must have a URL as `guide`"),
        ([one(sunset=date(2027, 1, 1))], "has a sunset, so it must be deprecated too"),
        ([one(deprecated=datetime(2027, 1, 1))], "must have dates with a time zone"),  # noqa: DTZ001 - the fault
        ([one(deprecated=date(2027, 1, 2), sunset=date(2027, 1, 1))], "must not have a sunset before it is deprecated"),
        ([one(successor="v2")], "has the successor 'v2', but no operation has the path /v2/a; remove `successor`"),
        ([one(), one()], "the operation 'GET /v1/a' is declared 2 times"),
        ([one(by=HEADER), one(by=HEADER)], "the operation 'GET /v1/a in version v1' is declared 2 times"),
        ([one(by=HEADER), one(by=ByMediaType("vnd.a"), name="v2")], "must all be asked for in the same way"),
        (
            [one(by=HEADER), Operation(method="GET", path="/v1/a", handler=second)],
            "the versions of GET /v1/a must all be asked for in the same way",
        ),
        ([one(by=HEADER, default=True), one(by=HEADER, name="v2", default=True)], "must have at most one default"),
    ],
)
def test_versions_that_cannot_be_served_stop_the_start(
    client_of: Clients, routes: list[Operation], sentence: str
) -> None:
    """With one sentence."""
    with pytest.raises(ArrangementError) as raised:
        client_of(routes)
    assert sentence in str(raised.value)


def test_metadata_for_the_documentation() -> None:
    """An operation says whether it is deprecated."""
    assert [row.is_deprecated for row in BY_PATH] == [True, False, True]
    assert not Operation(method="GET", path="/", handler=first).is_deprecated
    assert ByPath() == Version("v1").by
