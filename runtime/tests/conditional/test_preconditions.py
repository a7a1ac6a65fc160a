"""Conditional requests: 304 to readers, 412 and 428 to writers, and what caches may do."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.testclient import TestClient

from firstlight import Operation, Service, Settings, create_app
from firstlight.conditional import check, entity_tag, last_modified, not_modified
from firstlight.problems import NotFoundError
from firstlight.testing.lines import Lines

from ..faults import IDENTITY

CHANGED = datetime(2026, 11, 27, 12, 0, 0, 900_000, tzinfo=UTC)
BUILT: list[str] = []
PADDING = "x" * 2000


async def read(request: Request) -> Response:
    """Read version 3."""
    tag = entity_tag(3)
    fresh = not_modified(request, tag, headers={"Content-Location": "/three"})
    if fresh is not None:
        return fresh
    BUILT.append("document")
    return JSONResponse({"padding": PADDING}, headers={"ETag": tag})


async def read_weakly(request: Request) -> Response:
    """Read version 3, whose bytes may differ."""
    tag = entity_tag(3, weak=True)
    return not_modified(request, tag) or PlainTextResponse("three", headers={"ETag": tag})


async def read_by_date(request: Request) -> Response:
    """Read what has a date and no tag."""
    return not_modified(request, None, CHANGED) or PlainTextResponse("three", headers=last_modified(CHANGED))


async def change(request: Request) -> Response:
    """Change version 3."""
    check(request, entity_tag(3))
    return PlainTextResponse("changed", headers={"ETag": entity_tag(4)})


async def delete(request: Request) -> Response:
    """Delete version 3."""
    return await change(request)


async def create(request: Request) -> Response:
    """Create what does not exist."""
    check(request, None)
    return PlainTextResponse("created", 201)


async def missing(_: Request) -> Response:
    """Raise a 404."""
    raise NotFoundError


OPERATIONS = (
    Operation(method="GET", path="/tag", handler=read),
    Operation(method="PUT", path="/tag", handler=change),
    Operation(method="DELETE", path="/tag", handler=delete, precondition_required=True),
    Operation(method="PUT", path="/new", handler=create),
    Operation(method="GET", path="/weak", handler=read_weakly, cache_seconds=60),
    Operation(method="GET", path="/date", handler=read_by_date, cache_seconds=60),
    Operation(method="GET", path="/missing", handler=missing, cache_seconds=60),
)


@pytest.fixture(scope="module")
def client() -> Iterator[TestClient]:
    """A client of the service."""
    service = Service(identity=IDENTITY, routes=OPERATIONS)
    with TestClient(
        create_app(Settings(port=0, management_port=0, drain_seconds=0), service, log_sink=Lines())
    ) as client:
        client.headers["Accept-Encoding"] = "identity"
        yield client


MATCHING = ['"3"', 'W/"3"', "*", '"1", "3"', '"1",W/"3"', ' , "3" ,', '"3-gzip","3"']
OTHERS = ['"4"', "3", '"3', '"3" "4"', "", '"33"', 'w/"3"', '"3-gzip"', "**", '"3", *']


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_reader_with_the_version_gets_304(client: TestClient, method: str) -> None:
    """Without a body, with the headers of the 200, before the document is built."""
    BUILT.clear()
    for field in MATCHING:
        response = client.request(method, "/tag", headers={"If-None-Match": field})
        assert (response.status_code, response.content, response.headers["etag"]) == (304, b"", '"3"'), field
        assert response.headers["cache-control"] == "no-cache"
        assert response.headers["content-location"] == "/three"
        assert "content-type" not in response.headers
        assert "content-length" not in response.headers
    assert BUILT == []
    for field in OTHERS:
        assert client.request(method, "/tag", headers={"If-None-Match": field}).status_code == 200, field
    assert len(BUILT) == len(OTHERS)


def test_several_fields_are_one_list(client: TestClient) -> None:
    """As RFC 9110 (5.2) says."""
    fields = [("If-None-Match", '"1"'), ("If-None-Match", '"3"')]
    assert client.get("/tag", headers=fields).status_code == 304


def test_a_compressed_version_is_the_same_version(client: TestClient) -> None:
    """It has a strong tag of its own, which counts only for a client that accepts gzip."""
    gzip = {"Accept-Encoding": "gzip"}
    compressed = client.get("/tag", headers=gzip)
    tag = compressed.headers["etag"]
    assert (tag, compressed.headers["content-encoding"]) == ('"3-gzip"', "gzip")
    for field in (tag, f'"3", {tag}', f'{tag}, "3"', f"W/{tag}"):
        response = client.get("/tag", headers={"If-None-Match": field, **gzip})
        assert response.status_code == 304
        assert response.headers["etag"].removeprefix("W/") == tag
        assert response.headers["vary"] == "Accept-Encoding"
    assert client.get("/tag", headers={"If-None-Match": tag}).status_code == 200
    assert client.get("/tag", headers={"If-None-Match": '"3"', **gzip}).headers["etag"] == '"3"'
    assert client.put("/tag", headers={"If-Match": tag}).status_code == 200
    assert client.put("/tag", headers={"If-Match": '"2-gzip"'}).status_code == 412


def test_a_weak_tag_is_enough_for_a_reader(client: TestClient) -> None:
    """Its response may be used without a request for a while, like the 200."""
    response = client.get("/weak", headers={"If-None-Match": '"3"'})
    assert (response.status_code, response.headers["etag"]) == (304, 'W/"3"')
    assert response.headers["cache-control"] == "public, max-age=60"


@pytest.mark.parametrize(
    ("field", "status"),
    [
        ("Fri, 27 Nov 2026 12:00:00 GMT", 304),
        ("Fri, 27 Nov 2026 12:00:01 GMT", 304),
        ("Fri, 27 Nov 2026 11:59:59 GMT", 200),
        ("yesterday", 200),
        ("", 200),
    ],
)
def test_a_reader_may_name_a_date(client: TestClient, field: str, status: int) -> None:
    """In whole seconds."""
    response = client.get("/date", headers={"If-Modified-Since": field})
    assert response.status_code == status
    assert response.headers["last-modified"] == "Fri, 27 Nov 2026 12:00:00 GMT"
    assert client.get("/date", headers={"If-Modified-Since": field, "If-None-Match": '"1"'}).status_code == 200


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"If-Match": '"3"'}, 200),
        ({"If-Match": '"1", "3"'}, 200),
        ({"If-Match": "*"}, 200),
        ({"If-None-Match": '"4"'}, 200),
        ({"If-Match": '"2"'}, 412),
        ({"If-Match": 'W/"3"'}, 412),
        ({"If-None-Match": "*"}, 412),
        ({"If-None-Match": 'W/"3"'}, 412),
        ({"If-Match": '"3"', "If-None-Match": '"3"'}, 412),
        ({"If-Match": "3"}, 400),
        ({"If-Match": ""}, 400),
        ({"If-None-Match": "x"}, 400),
    ],
)
def test_a_writer_changes_only_the_version_that_it_names(
    client: TestClient, headers: dict[str, str], status: int
) -> None:
    """By strong comparison. A field that cannot be read is refused, because the client wants the check."""
    response = client.put("/tag", headers=headers)
    assert response.status_code == status
    assert (response.headers["content-type"] == "application/problem+json") is (status != 200)
    if status == 400:
        assert response.json()["detail"].endswith(
            'must be * or a list of at most 100 entity tags in quotes, such as "3".'
        )


@pytest.mark.parametrize(
    ("headers", "status"),
    [({}, 201), ({"If-None-Match": "*"}, 201), ({"If-None-Match": '"3"'}, 201), ({"If-Match": "*"}, 412)],
)
def test_a_writer_creates_only_what_does_not_exist(client: TestClient, headers: dict[str, str], status: int) -> None:
    """`If-Match: *` asks for something that exists."""
    assert client.put("/new", headers=headers).status_code == status


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 428),
        ({"If-None-Match": '"1"'}, 428),
        ({"If-Unmodified-Since": "Fri, 27 Nov 2026 12:00:00 GMT"}, 428),
        ({"If-Match": '"3"'}, 200),
        ({"If-Match": '"2"'}, 412),
        ({"If-None-Match": "*"}, 412),
    ],
)
def test_an_operation_can_require_a_condition(client: TestClient, headers: dict[str, str], status: int) -> None:
    """That the handler checks: a condition that nobody checks would be none."""
    response = client.delete("/tag", headers=headers)
    assert response.status_code == status
    if status == 428:
        assert "If-Match" in response.json()["detail"]


def test_errors_are_not_stored(client: TestClient) -> None:
    """Not even for the time that other responses of the operation are."""
    for response in (client.get("/missing"), client.get("/nowhere"), client.put("/tag", headers={"If-Match": "x"})):
        assert response.headers["cache-control"] == "no-store"


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.sampled_from(["If-Match", "If-None-Match", "If-Modified-Since", "Accept-Encoding"]),
    st.binary(max_size=60).map(lambda field: field.translate(None, b"\r\n\x00")),
)
def test_no_field_is_an_error_of_the_service(client: TestClient, name: str, field: bytes) -> None:
    """Whatever its bytes."""
    for method, path in (("GET", "/tag"), ("PUT", "/tag"), ("GET", "/date")):
        assert client.request(method, path, headers={name.encode(): field}).status_code < 500
