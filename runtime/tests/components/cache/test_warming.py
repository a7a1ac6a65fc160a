"""Entries that exist when the service starts."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient

from firstlight import Service, Settings, Surroundings, create_app
from firstlight.components.cache import CACHE, Cached, Warm, cache
from firstlight.server.starting import StartError
from firstlight.testing.lines import Lines

from ...faults import IDENTITY

ROWS = Cached("rows", type=str)
POPULAR = [str(number) for number in range(50)]


async def _keys(_: Surroundings[Any]) -> Sequence[str]:
    await asyncio.sleep(0)
    return POPULAR


async def _read(request: Request) -> Response:
    return PlainTextResponse(str(await CACHE.of(request).get(ROWS, request.path_params["name"])))


def _client(load: Callable[[Surroundings[Any], str], Any], settings: Settings, lines: Lines) -> TestClient:
    service = Service(
        identity=IDENTITY, components=[cache(Warm(ROWS, _keys, load))], routes=[Route("/rows/{name}", _read)]
    )
    return TestClient(create_app(settings, service, log_sink=lines, start_timeout=1.0))


def test_the_service_starts_with_a_warm_cache(settings: Settings) -> None:
    """Every declared entry is there at the first request, also if the source was late."""
    failed: list[str] = []

    async def load(_: Surroundings[Any], name: str) -> str:
        await asyncio.sleep(0)
        if not failed:
            failed.append(name)
            msg = "not yet"
            raise ConnectionError(msg)
        return f"row {name}"

    lines = Lines()
    with _client(load, settings, lines) as client:
        assert [client.get(f"/rows/{name}").text for name in POPULAR] == [f"row {name}" for name in POPULAR]
    assert failed


def test_the_start_waits_and_says_why(settings: Settings) -> None:
    """A source that does not answer delays the start."""

    async def load(_: Surroundings[Any], name: str) -> str:
        await asyncio.sleep(0)
        raise ConnectionError(name)

    with (
        pytest.raises(StartError, match="cache is not ready to start after 1 s: ColdError"),
        _client(load, settings, Lines()),
    ):
        pass
