"""`Cache-Control` of an operation: what it declares, and what is right where it declares nothing."""

import asyncio
import time
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.testclient import TestClient

from firstlight import Operation, Service, Settings, create_app
from firstlight.conditional.cache_control import DEFAULT_NO_STORE, CacheControl
from firstlight.conditional.freshness import note
from firstlight.testing.lines import Lines

from ..faults import IDENTITY


async def read(_: Request) -> Response:
    """Read."""
    return Response()


def added(response: Response, method: str = "GET", **declared: Any) -> tuple[str, str | None, bool]:
    """`Cache-Control` and `Vary` of a response of an operation, and whether the first is only the default."""
    request = Request({"type": "http", "headers": []})
    CacheControl(Operation(method=method, path="/", handler=read, **declared)).add(request, response)
    assert len(response.headers.getlist("cache-control")) == 1
    return response.headers["cache-control"], response.headers.get("vary"), DEFAULT_NO_STORE in request.scope


TAG = {"ETag": '"3"'}
OWN = {"Cache-Control": "private, max-age=5"}


@pytest.mark.parametrize(
    ("declared", "headers", "expected"),
    [
        ({}, {}, ("no-store", None, True)),
        ({}, TAG, ("no-cache", None, False)),
        ({"policy": "key"}, TAG, ("private, no-cache", None, False)),
        ({"cache_seconds": 60}, {}, ("public, max-age=60", None, False)),
        ({"cache_seconds": 60}, TAG, ("public, max-age=60", None, False)),
        ({"cache_seconds": 0}, {}, ("public, max-age=0", None, False)),
        ({"cache_seconds": 60, "policy": "key"}, {}, ("private, max-age=60", "Authorization, Cookie", False)),
        ({"cache_seconds": 60, "secret": True}, TAG, ("no-store", None, True)),
        ({"cache_seconds": 60, "method": "POST"}, {}, ("no-store", None, True)),
        ({"cache_seconds": 60}, OWN, ("private, max-age=5", None, False)),
        ({}, OWN, ("private, max-age=5", None, False)),
    ],
)
def test_the_header_of_a_response(declared: dict[str, Any], headers: dict[str, str], expected: object) -> None:
    """The handler's own value wins; what an operation declares is for reads; a secret is never stored."""
    assert added(PlainTextResponse("three", headers=headers), **declared) == expected


@pytest.mark.parametrize(
    ("status", "expected"), [(304, "public, max-age=60"), (302, "public, max-age=60"), (404, "no-store")]
)
def test_an_error_that_a_handler_returns_is_not_stored(status: int, expected: str) -> None:
    """A redirect is, and a 304 has the header of the 200."""
    assert added(Response(status_code=status), cache_seconds=60)[0] == expected


@pytest.mark.parametrize(
    ("left", "header"), [(90, "public, max-age=60"), (30.9, "public, max-age=30"), (-1, "public, max-age=0")]
)
def test_a_response_is_not_fresh_for_longer_than_its_data(settings: Settings, left: float, header: str) -> None:
    """As the cache of the service says of what the handler has read, the entry that ends first."""

    async def handler(_: Request) -> Response:
        await asyncio.sleep(0)
        note(time.monotonic() + left)
        note(time.monotonic() + 1000)
        return PlainTextResponse("x")

    operation = Operation(method="GET", path="/x", handler=handler, cache_seconds=60)
    with TestClient(create_app(settings, Service(identity=IDENTITY, routes=[operation]), log_sink=Lines())) as client:
        assert client.get("/x").headers["cache-control"] == header
