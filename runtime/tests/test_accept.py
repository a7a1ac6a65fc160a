"""The field `Accept`: q-values, specific and general ranges, and any bytes at all."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.testclient import TestClient

from firstlight import Operation, Service, Settings, create_app
from firstlight.accept import MAX_BYTES, Range, allows_json, quality, ranges

from .faults import IDENTITY


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("", True),
        ("*/*", True),
        ("application/json", True),
        ("APPLICATION/JSON ; charset=utf-8", True),
        ("application/*;q=0.1", True),
        ("text/html, application/xhtml+xml, application/xml;q=0.9, */*;q=0.8", True),
        ("text/html, application/json;q=0.001", True),
        ('text/plain; title="a, b; q=0", application/json', True),
        ("application/json;version=2", True),
        ("nonsense", True),
        ("application/json;q=2", True),
        ("x" * (MAX_BYTES + 1), True),
        ("text/html", False),
        ("text/*, image/png", False),
        ("application/json;q=0", False),
        ("application/json;q=0, */*", False),
        ("application/*;q=0, */*;q=1", False),
        ("*/*;q=0.000", False),
        ("application/problem+json", False),
        ("application/jsonp", False),
    ],
)
def test_whether_json_is_acceptable(accept: str, expected: bool) -> None:  # noqa: FBT001 - a column of the table
    """The most specific range decides. A field without a valid element is as good as none."""
    assert allows_json(accept.encode()) is expected


TOKENS = st.text("abcxyz019!#$%&'*+-.^_`|~", min_size=1, max_size=8)
QUALITIES = st.integers(0, 1000).map(lambda thousandths: thousandths / 1000)
TYPES = st.tuples(TOKENS.filter(lambda name: "*" not in name), TOKENS.filter(lambda name: "*" not in name))


@given(st.lists(st.tuples(TYPES, QUALITIES), min_size=1, max_size=8))
def test_every_range_of_a_valid_field_is_read(given_ranges: list[tuple[tuple[str, str], float]]) -> None:
    """Type and quality, in their order."""
    field = " ,\t".join(f"{kind}/{sub} ; q={weight:.3f}" for (kind, sub), weight in given_ranges)

    expected = [Range(f"{kind}/{sub}", {}, weight) for (kind, sub), weight in given_ranges]
    assert list(ranges(field)) == expected
    for each in expected:
        assert quality(expected, each.media_type) >= each.quality


@given(st.binary(max_size=MAX_BYTES))
def test_any_bytes_are_read(field: bytes) -> None:
    """Without an error, and what is read is valid."""
    allows_json(field)
    assert all(0 <= each.quality <= 1 and "/" in each.media_type for each in ranges(field.decode("latin-1")))


@pytest.mark.parametrize("piece", [",", ";", '"', "a/b;", 'a/b;c="', "a/b,", "\\", 'a/b;c="\\"'])
def test_a_hostile_field_is_read_fast(piece: str) -> None:
    """No expression backtracks."""
    began = time.process_time()
    ranges(piece * (MAX_BYTES // len(piece)))
    assert time.process_time() - began < 0.1


class Answer(BaseModel):
    """A document."""

    name: str


class Loose(BaseModel):
    """A body whose unknown members are ignored."""

    model_config = ConfigDict(extra="ignore")

    name: str


class Search(BaseModel):
    """A query."""

    q: str = ""


async def read(_: Request) -> Response:
    """Answer with a document."""
    return JSONResponse({"name": "a"})


async def download(_: Request) -> Response:
    """Answer with something else."""
    return Response(b"a,b", media_type="text/csv")


async def search(_: Request, *, query: Search) -> Response:
    """Search."""
    return JSONResponse({"name": query.q})


async def write(_: Request, *, body: Answer) -> Response:
    """Write."""
    return JSONResponse({"name": body.name})


async def write_loosely(_: Request, *, body: Loose) -> Response:
    """Write."""
    return JSONResponse({"name": body.name})


@pytest.fixture
def client(settings: Settings) -> TestClient:
    """A client of operations with and without input."""
    rows = [
        Operation(method="GET", path="/read", handler=read, answers={200: Answer}),
        Operation(method="GET", path="/download", handler=download),
        Operation(method="GET", path="/search", handler=search, query=Search, answers={200: Answer}),
        Operation(method="POST", path="/write", handler=write, body=Answer, answers={200: Answer}),
        Operation(method="POST", path="/loose", handler=write_loosely, body=Loose),
    ]
    return TestClient(create_app(settings, Service(identity=IDENTITY, routes=rows)))


def test_an_operation_whose_json_is_not_acceptable_is_refused(client: TestClient) -> None:
    """406 as a problem, unless the operation answers with something else."""
    refused = client.get("/read", headers={"Accept": "text/html"})

    assert (refused.status_code, refused.headers["content-type"]) == (406, "application/problem+json")
    assert refused.json()["type"] == "/problems/not-acceptable"
    assert client.get("/read", headers={"Accept": "text/html, */*;q=0.1"}).status_code == 200
    assert client.get("/download", headers={"Accept": "text/html"}).status_code == 200
    assert client.head("/read", headers={"Accept": "text/html"}).status_code == 406


def test_unknown_query_parameters_are_refused(client: TestClient) -> None:
    """Where the operation has a model of the query, as errors of the query, without their text unescaped."""
    response = client.get("/search?%3Cb%3E=1&colour=2")

    assert response.status_code == 422
    assert response.json()["errors"] == [
        {"pointer": "#/%3Cb%3E", "detail": "Extra inputs are not permitted", "in": "query"},
        {"pointer": "#/colour", "detail": "Extra inputs are not permitted", "in": "query"},
    ]


def test_only_some_unknown_parameters_are_listed(client: TestClient) -> None:
    """20, and all are counted."""
    document = client.get("/search?" + "&".join(f"p{number}=1" for number in range(500))).json()

    assert (len(document["errors"]), document["errors_total"]) == (20, 500)


def test_parameters_are_passed_over_without_a_model(client: TestClient) -> None:
    """Others add some to links that people follow."""
    assert client.get("/read?utm_source=mail").status_code == 200


def test_unknown_members_are_refused_unless_the_model_decides(client: TestClient) -> None:
    """Although the model does not say so."""
    refused = client.post("/write", json={"name": "a", "colour": 1})

    assert refused.status_code == 422
    assert refused.json()["errors"] == [{"pointer": "#/colour", "detail": "Extra inputs are not permitted"}]
    assert client.post("/loose", json={"name": "a", "colour": 1}).status_code == 200
