"""Every error is a problem document with the ids of its log lines."""

import re
import time
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Annotated, Any

import httpx2
import pytest
from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient

from firstlight import Service, Settings
from firstlight.app import Application, create_app
from firstlight.problem_types import type_and_title
from firstlight.problems import (
    ConflictError,
    InvalidError,
    NotFoundError,
    ProblemResponse,
    ServiceError,
    UnavailableError,
    client_input,
)
from firstlight.testing.lines import Lines

from .faults import IDENTITY

LIMIT_BYTES = 1000
SECRET = "hunter2"  # noqa: S105 - what must not come out


class StaleError(ConflictError):
    """An error with a type of its own."""

    members: Mapping[str, object] = MappingProxyType({"type": "/problems/stale", "title": "Stale", "age": 3})


RAISED: dict[str, Exception] = {
    "missing": NotFoundError("No such parcel."),
    "conflict": ConflictError("The parcel has left."),
    "invalid": InvalidError("A parcel cannot weigh nothing."),
    "unavailable": UnavailableError("The scales are being cleaned."),
    "failed": ServiceError("The scales broke."),
    "unexpected": RuntimeError(f"cannot open /etc/scales with {SECRET}"),
    "hostile": ConflictError("<script>&\u202e\ud800\x9b1m\x00 is taken."),
    "decorated": InvalidError(errors=[{"pointer": "#/a", "detail": "</html>\u2066\udfff"}]),
    "valued": HTTPException(409, {"code": 2**70}),  # type: ignore[arg-type] # as FastAPI allows
    "own": StaleError("The parcel is older."),
    "teapot": HTTPException(418, "Short and stout.", {"X-Spout": "here"}),
}


class Parcel(BaseModel):
    """A body with members of every type."""

    model_config = ConfigDict(extra="forbid")

    weight: int
    contents: list[dict[str, int]]


async def _raise(request: Request) -> Response:
    raise RAISED[request.path_params["what"]]


async def _raise_plainly(request: Request) -> Response:
    raise {cls.__name__: cls for cls in ServiceError.__subclasses__()}[request.path_params["name"]]


async def _raise_status(request: Request) -> Response:
    raise HTTPException(request.path_params["status"])


async def _read(request: Request) -> Response:
    with client_input():
        parcel = Parcel.model_validate_json(await request.body())
    return PlainTextResponse(str(parcel.weight))


async def _ignore_body(_: Request) -> Response:
    return PlainTextResponse("not read")


ROUTES = [
    Route("/raise/{what}", _raise),
    Route("/plainly/{name}", _raise_plainly),
    Route("/status/{status:int}", _raise_status),
    Route("/parcels", _read, methods=["POST"]),
    Route("/ignored", _ignore_body, methods=["POST"]),
]


@pytest.fixture
def app(settings: Settings, lines: Lines) -> Application:
    """A service with routes that fail on demand, and a small limit for bodies."""
    service = Service(identity=IDENTITY, routes=ROUTES)
    return create_app(settings.model_copy(update={"max_body_bytes": LIMIT_BYTES}), service, log_sink=lines)


def _problem(response: httpx2.Response, lines: Lines, status: int) -> dict[str, Any]:
    """The document, after a check of what all problems have in common."""
    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    document: dict[str, Any] = response.json()
    assert (document["type"], document["title"]) == type_and_title(status)
    assert document["status"] == status
    assert document["detail"]
    (line,) = lines.named("http.request_finished")
    assert document["request_id"] == response.headers["x-request-id"] == line["request_id"]
    assert document["trace_id"] == line["trace_id"]
    assert len(document["trace_id"]) == 32
    return document


STANDARD = {"type", "title", "status", "detail", "request_id", "trace_id"}


@pytest.mark.parametrize(
    ("what", "status"),
    [
        ("missing", 404),
        ("conflict", 409),
        ("invalid", 422),
        ("unavailable", 503),
        ("failed", 500),
        ("teapot", 418),
    ],
)
def test_the_message_of_an_error_is_the_detail(client: TestClient, lines: Lines, what: str, status: int) -> None:
    """For a `ServiceError` and an `HTTPException`."""
    document = _problem(client.get(f"/raise/{what}"), lines, status)

    assert document["detail"] == getattr(RAISED[what], "detail", str(RAISED[what]))
    assert document.keys() == STANDARD


@pytest.mark.parametrize("name", [cls.__name__ for cls in ServiceError.__subclasses__()])
def test_an_error_without_a_message_has_a_detail(client: TestClient, lines: Lines, name: str) -> None:
    """The description of its status."""
    status = next(cls.status for cls in ServiceError.__subclasses__() if cls.__name__ == name)

    _problem(client.get(f"/plainly/{name}"), lines, status)


def test_headers_of_an_error_are_kept(client: TestClient) -> None:
    """Those of a `ServiceError` and of an `HTTPException`."""
    assert client.get("/raise/unavailable").headers["retry-after"] == "5"
    assert client.get("/raise/teapot").headers["x-spout"] == "here"
    assert "retry-after" not in client.get("/raise/missing").headers


def test_an_unknown_path_is_a_problem(client: TestClient, lines: Lines) -> None:
    """404, without the path in the document."""
    document = _problem(client.get("/nowhere/hunter2"), lines, 404)

    assert SECRET not in str(document)


def test_a_wrong_method_is_a_problem_that_names_the_right_ones(client: TestClient, lines: Lines) -> None:
    """405 with an `Allow` header (RFC 9110)."""
    response = client.put("/parcels")

    _problem(response, lines, 405)
    assert response.headers["allow"] == "POST"


def test_an_unexpected_error_shows_no_internals(client: TestClient, lines: Lines) -> None:
    """The client gets the ids, and the log has the error."""
    response = client.get("/raise/unexpected")

    document = _problem(response, lines, 500)
    assert document.keys() == STANDARD
    for internal in (SECRET, "scales", "RuntimeError", "Traceback", ".py"):
        assert internal not in response.text
    (line,) = lines.named("http.request_failed")
    assert line["request_id"] == document["request_id"]
    assert "RuntimeError" in line["exception"]


@pytest.mark.parametrize(
    ("body", "pointers"),
    [
        ({"weight": "heavy-hunter2", "contents": []}, ["#/weight"]),
        ({"contents": []}, ["#/weight"]),
        ({"weight": 1, "contents": [{"nail": 1}, {"nail": "hunter2"}]}, ["#/contents/1/nail"]),
        ({"weight": 1, "contents": [], "colour": "hunter2"}, ["#/colour"]),
        ({"weight": "heavy", "contents": "hunter2"}, ["#/weight", "#/contents"]),
        ({"weight": 1, "contents": [], "a/b~c": 1}, ["#/a~1b~0c"]),
        (["hunter2"], ["#"]),
    ],
)
def test_an_invalid_body_is_a_problem_with_pointers(
    client: TestClient, lines: Lines, body: object, pointers: list[str]
) -> None:
    """422 names each invalid member by its JSON pointer (RFC 6901), without values."""
    response = client.post("/parcels", json=body)

    document = _problem(response, lines, 422)
    assert [error["pointer"] for error in document["errors"]] == pointers
    assert all(error["detail"] for error in document["errors"])
    assert SECRET not in response.text


def _is_tidy(text: str) -> str:
    if "_" in text:
        msg = "must be a text without underscores"
        raise ValueError(msg)
    return text


class Label(BaseModel):
    """A model with a rule of its own."""

    text: Annotated[str, AfterValidator(_is_tidy)]


def test_the_message_of_a_rule_is_what_a_client_reads() -> None:
    """Without the words that pydantic puts in front: a client knows no exceptions of Python."""
    with pytest.raises(InvalidError) as raised, client_input():
        Label.model_validate({"text": "a_b"})

    errors = raised.value.members["errors"]
    assert errors == [{"pointer": "#/text", "detail": "must be a text without underscores"}]


@pytest.mark.parametrize("body", [b"", b"{hunter2", b"\xff\xfe", b"[" * 900, b'{"weight": "\\ud800"}'])
def test_a_malformed_body_is_a_problem(client: TestClient, lines: Lines, body: bytes) -> None:
    """A body that is not JSON is a bad request (RFC 9110, 15.5.21: 422 is for correct syntax)."""
    response = client.post("/parcels", content=body)

    document = _problem(response, lines, 400)
    assert document.keys() == STANDARD
    assert document["detail"].startswith("The body must be valid JSON: ")
    assert SECRET not in response.text


def _chunks() -> Iterator[bytes]:
    for _ in range(3):
        yield b" " * (LIMIT_BYTES // 2)


@pytest.mark.parametrize("path", ["/parcels", "/ignored", "/nowhere"])
def test_a_body_declared_too_large_is_a_problem(client: TestClient, lines: Lines, path: str) -> None:
    """413 by its declared length, whether the handler reads it, ignores it, or does not exist."""
    response = client.post(path, content=b" " * (LIMIT_BYTES + 1))

    _problem(response, lines, 413)
    assert response.headers["connection"] == "close"  # the rest of the body is not read


def test_a_body_that_grows_too_large_is_a_problem(client: TestClient, lines: Lines) -> None:
    """413 by the received bytes, if no length is declared."""
    response = client.post("/parcels", content=_chunks())

    _problem(response, lines, 413)


def test_a_body_of_just_the_allowed_size_is_read(client: TestClient) -> None:
    """The limit itself is allowed."""
    body = b'{"weight": 1, "contents": []}'

    assert client.post("/parcels", content=body.ljust(LIMIT_BYTES)).text == "1"


def _refused(body: bytes) -> tuple[list[dict[str, str]], object, float]:
    """The errors of a body, their total number, and the CPU seconds that the list took."""
    try:
        Parcel.model_validate_json(body)
    except ValidationError:
        began = time.process_time()
        with pytest.raises(InvalidError) as raised, client_input():
            raise
        seconds = time.process_time() - began
        members: dict[str, Any] = dict(raised.value.members)
        return list(members["errors"]), members.get("errors_total"), seconds
    raise AssertionError


def test_a_body_full_of_unknown_members_gets_a_short_answer() -> None:
    """110,000 in 1 MB: the first 20 are listed, all are counted, and the loop is not blocked for long."""
    members = b",".join(b'"member%d":1' % number for number in range(110_000))
    errors, total, seconds = _refused(b'{"weight": 1, "contents": [], ' + members + b"}")

    assert [error["pointer"] for error in errors] == [f"#/member{number}" for number in range(20)]
    assert errors[0]["detail"] == "Extra inputs are not permitted"
    assert total == 110_000
    # some 70 ms; all of them as objects would take some 300 ms here, and 2 s for the list below
    assert seconds < 0.25


def test_a_list_of_wrong_items_gets_a_short_answer() -> None:
    """Half a million in 1 MB."""
    errors, total, seconds = _refused(b'{"weight": 1, "contents": [' + b",".join([b"1"] * 500_000) + b"]}")

    assert [error["pointer"] for error in errors[:2]] == ["#/contents/0", "#/contents/1"]
    assert (len(errors), total) == (20, 500_000)
    assert seconds < 1


@pytest.mark.parametrize("count", [1, 19, 20, 21])
def test_errors_are_counted_when_not_all_are_listed(count: int) -> None:
    """Both ways of listing have the same result."""
    members = ",".join(f'"a/b~\u20ac{number}": 1' for number in range(count))
    errors, total, _ = _refused(f'{{"weight": 1, "contents": [], {members}}}'.encode())

    assert [error["pointer"] for error in errors] == [f"#/a~1b~0%E2%82%AC{number}" for number in range(min(count, 20))]
    assert total == (count if count > 20 else None)


def test_long_pointers_are_cut(client: TestClient) -> None:
    """The name of a member may be as long as the body."""
    response = client.post("/parcels", content=b'{"weight": 1, "contents": [], "' + b"x" * 900 + b'": 1}')

    (error,) = response.json()["errors"]
    assert len(error["pointer"]) == 200
    assert error["pointer"].endswith("\N{HORIZONTAL ELLIPSIS}")


def test_errors_of_the_team_are_limited() -> None:
    """So that a response does not grow with its request."""
    members = InvalidError(errors=[{"pointer": "#", "detail": "wrong"}] * 50).members

    assert len(list(members["errors"])) == 20  # type: ignore[call-overload]
    assert members["errors_total"] == 50


@pytest.mark.parametrize("status", [204, 304])
def test_a_status_that_has_no_body_gets_none(client: TestClient, status: int) -> None:
    """A client would parse a document after 304 as the next response."""
    response = client.get(f"/status/{status}")

    assert response.status_code == status
    assert response.content == b""


def test_a_status_without_a_standard_name_is_kept(client: TestClient) -> None:
    """499 does not become 500."""
    response = client.get("/status/499")

    assert response.status_code == 499
    assert response.headers["content-type"] == "application/problem+json"


def test_nothing_is_echoed_unescaped(client: TestClient) -> None:
    """No markup, control characters, directions or surrogates come out, as bytes or after parsing."""
    document = client.get("/raise/hostile")
    errors = client.get("/raise/decorated")

    assert document.json()["detail"] == r"<script>&\u202e\ud800\u009b1m\u0000 is taken."
    assert errors.json()["errors"][0]["detail"] == r"</html>\u2066\udfff"
    for response in (document, errors):
        assert response.content.isascii()
        assert not {*b"<>&"} & {*response.content}


def test_an_invalid_member_is_named_without_its_text_unescaped(client: TestClient) -> None:
    """The pointer is a URI fragment (RFC 6901, 6)."""
    body = '{"weight": 1, "contents": [], "<b>\u202e\'\\"\\u0000\\n&": 1}'.encode()

    (error,) = client.post("/parcels", content=body).json()["errors"]
    assert error["pointer"] == "#/%3Cb%3E%E2%80%AE%27%22%00%0A%26"


@pytest.mark.parametrize("name", ["\u20ac" * 100, "%" * 100, "x" * 178 + "\u20ac"])
def test_a_long_pointer_is_cut_between_characters(client: TestClient, name: str) -> None:
    """Every escape that is left is complete."""
    (error,) = client.post("/parcels", json={"weight": 1, "contents": [], name: 1}).json()["errors"]

    pointer = error["pointer"].removesuffix("\N{HORIZONTAL ELLIPSIS}")
    assert len(pointer) < 200
    assert re.fullmatch(r"#/(?:[^%]|%[0-9A-F]{2})*", pointer)


def test_a_detail_that_is_no_text_is_a_member(client: TestClient, lines: Lines) -> None:
    """FastAPI allows any value as the detail of an exception."""
    document = _problem(client.get("/raise/valued"), lines, 409)

    assert document["info"] == {"code": 2**70}


def test_an_error_may_have_its_own_type(client: TestClient) -> None:
    """A team documents it on a page of its own."""
    document = client.get("/raise/own").json()

    assert (document["type"], document["title"], document["status"]) == ("/problems/stale", "Stale", 409)
    assert document["age"] == 3


def test_a_problem_outside_a_request_has_no_ids() -> None:
    """The members are absent, not empty."""
    assert b"_id" not in bytes(ProblemResponse(404, "Not in a request.").body)
