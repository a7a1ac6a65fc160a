"""Components are typed: type checkers know what `of` returns."""

import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import FrozenInstanceError, replace
from pathlib import Path

import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocket

from firstlight import Component, NoSettings, Service, Settings, Surroundings, create_app, nothing
from firstlight.testing.lines import Lines

SNIPPET = """
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from pydantic_settings import BaseSettings
from starlette.requests import Request
from starlette.websockets import WebSocket

from firstlight import Component, NoSettings, Surroundings, nothing
from firstlight.components.http_client import HTTP_CLIENT


class LinkSettings(BaseSettings):
    maximum: int = 5


class LinkStore:
    def __init__(self, maximum: int) -> None:
        self.maximum = maximum


@asynccontextmanager
async def open_links(surroundings: Surroundings[LinkSettings]) -> AsyncIterator[LinkStore]:
    reveal_type(surroundings.settings)
    reveal_type(HTTP_CLIENT.of(surroundings))
    yield LinkStore(surroundings.settings.maximum)


LINKS = Component(name="links", settings=LinkSettings, open=open_links)
NOTHING = Component(name="nothing", settings=NoSettings, open=nothing)


def handler(request: Request, socket: WebSocket, surroundings: Surroundings[Any]) -> None:
    reveal_type(LINKS)
    reveal_type(LINKS.of(request))
    reveal_type(LINKS.of(socket))
    reveal_type(LINKS.of(surroundings))
    reveal_type(NOTHING)
"""
CLIENTS = "firstlight.components.http_client.clients.Clients"


def test_the_type_checker_knows_the_resource(tmp_path: Path) -> None:
    """From a request, a websocket and the surroundings, for components of the team and of the runtime."""
    snippet = tmp_path / "snippet.py"
    snippet.write_text(SNIPPET)

    check = subprocess.run(  # noqa: S603 - the type checker of this environment
        [sys.executable, "-m", "mypy", "--strict", "--config-file", "", "--cache-dir", str(tmp_path), str(snippet)],
        capture_output=True,
        text=True,
        check=False,
    )

    revealed = [line.partition("Revealed type is ")[2].strip('"') for line in check.stdout.splitlines()]
    assert check.returncode == 0, check.stdout + check.stderr
    assert [each.replace("builtins.", "").replace("snippet.", "") for each in revealed if each] == [
        "LinkSettings",
        CLIENTS,
        "firstlight.component.Component[LinkSettings, LinkStore]",
        "LinkStore",
        "LinkStore",
        "LinkStore",
        "firstlight.component.Component[firstlight.component.NoSettings, None]",
    ]


class Store:
    """A resource."""


@asynccontextmanager
async def _open(_: Surroundings[NoSettings]) -> AsyncIterator[Store]:
    yield Store()


STORE = Component(name="store", settings=NoSettings, open=_open)


async def _read(request: Request) -> Response:
    return PlainTextResponse(type(STORE.of(request)).__name__)


async def _listen(socket: WebSocket) -> None:
    await socket.accept()
    await socket.send_text(type(STORE.of(socket)).__name__)
    await socket.close()


ROUTES = [Route("/read", _read), WebSocketRoute("/listen", _listen)]


def test_a_request_and_a_websocket_get_the_resource(settings: Settings, service: Service, lines: Lines) -> None:
    """`of` returns the open resource."""
    service = replace(service, routes=ROUTES, components=[STORE])

    with TestClient(create_app(settings, service, log_sink=lines)) as client:
        assert client.get("/read").text == "Store"
        with client.websocket_connect("/listen") as socket:
            assert socket.receive_text() == "Store"


def test_a_component_sees_those_before_it(settings: Settings, service: Service, lines: Lines) -> None:
    """When it opens, its surroundings have the resources of earlier components only."""
    seen: list[object] = []

    @asynccontextmanager
    async def open_(surroundings: Surroundings[NoSettings]) -> AsyncIterator[None]:
        seen.append(STORE.of(surroundings))
        with pytest.raises(LookupError, match=r"^The component last is not open; "):
            LAST.of(surroundings)
        yield

    second = Component(name="second", settings=NoSettings, open=open_)
    service = replace(service, components=[STORE, second, LAST])
    with TestClient(create_app(settings, service, log_sink=lines)):
        pass

    assert [type(each) for each in seen] == [Store]


LAST = Component(name="last", settings=NoSettings, open=nothing)


def test_a_component_that_is_not_open_is_named(settings: Settings, service: Service, lines: Lines) -> None:
    """The error says what to add."""
    service = replace(service, routes=ROUTES)

    with (
        TestClient(create_app(settings, service, log_sink=lines)) as client,
        pytest.raises(LookupError, match=r"^The component store is not open; add it to `components` of the service\.$"),
    ):
        client.get("/read")


def test_what_is_declared_cannot_be_changed() -> None:
    """Several applications may use the same values."""
    with pytest.raises(FrozenInstanceError):
        STORE.name = "other"  # type: ignore[misc] # this is the mistake
