"""A console that answers in this process, and one in a process of its own."""

import asyncio
import http.client
import json
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import pytest

from firstlight.console.api import Api, BusyError
from firstlight.console.application import Application, Page
from firstlight.console.guards import Guards
from firstlight.console.queries import Query
from firstlight.lifecycle import Lifecycle
from firstlight.management.health import Health
from firstlight.management.listener import Listener
from firstlight.testing import ServiceProcess
from firstlight.testing.process import TIMEOUT_SECONDS

from ..conftest import PROGRAMS

TOKEN = "ab" * 16
PAGE = Page(b"<!DOCTYPE html><title>Console</title>", "default-src 'none'")
API = "/console/api/v1/"


class Answer(NamedTuple):
    """One response."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body."""
        return json.loads(self.body)


class Caller(NamedTuple):
    """Sends requests to a management port, with exactly the headers that it is told."""

    port: int
    token: str = TOKEN

    @property
    def cookie(self) -> str:
        """The cookie that the login sets."""
        return Guards(self.token).cookie(self.port).partition(";")[0]

    @property
    def origin(self) -> str:
        """The origin of the console's own page."""
        return f"http://127.0.0.1:{self.port}"

    def ask(
        self, path: str, *headers: tuple[str, str], method: str = "GET", body: bytes = b"", host: str | None = ""
    ) -> Answer:
        """Send one request. `host` is ours by default, and None sends no header."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=TIMEOUT_SECONDS)
        connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        if host is not None:
            connection.putheader("Host", host or f"127.0.0.1:{self.port}")
        for name, value in headers:
            connection.putheader(name, value)
        if body:
            connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body)
        response = connection.getresponse()
        answer = Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())
        connection.close()
        return answer

    def read(self, twin: str) -> Any:
        """What a twin answers to our own page."""
        answer = self.ask(API + twin, ("Cookie", self.cookie))
        assert answer.status == 200, answer
        return answer.json

    def act(self, twin: str, **members: object) -> Answer:
        """What an effect answers to our own page."""
        ours = ("Cookie", self.cookie), ("Origin", self.origin), ("X-Console", "1")
        return self.ask(API + twin, *ours, method="POST", body=json.dumps(members).encode())


class Effects:
    """Effects that tell what was asked."""

    def __init__(self) -> None:
        """Nothing is done yet."""
        self.done: list[float] = []

    async def press(self, query: Query) -> Mapping[str, Any]:
        """An effect."""
        seconds = query.number("seconds", 1, 0, 30)
        query.end()
        self.done.append(seconds)
        return {"pressed": len(self.done)}

    async def slow(self, query: Query) -> Mapping[str, Any]:
        """An effect that takes longer than the port waits for a silent answer."""
        await asyncio.sleep(query.number("seconds", 1, 0, 30))
        return {"slept": True}

    async def busy(self, _: Query) -> Mapping[str, Any]:
        """An effect that runs already."""
        msg = "It runs already."
        raise BusyError(msg)


@pytest.fixture
def effects() -> Effects:
    """The effects of `here`."""
    return Effects()


@pytest.fixture
def here(effects: Effects) -> Iterator[Caller]:
    """A console in this process, with a twin, one that fails, and effects."""
    api = Api(
        lambda: {"components": []},
        {"echo": lambda query: {"text": query.text("text")}, "broken": lambda _: {"no": 1 / 0}},
        {"echo": lambda key, _: {"key": key}},
        {"press": effects.press, "slow": effects.slow, "busy": effects.busy},
    )
    lifecycle = Lifecycle()
    lifecycle.started = True
    listener = Listener(Health(lifecycle), "127.0.0.1", 0, {}, console=Application(TOKEN, api, PAGE))
    listener.start()
    yield Caller(listener.port)
    listener.stop()


@pytest.fixture(scope="module")
def process() -> Iterator[ServiceProcess]:
    """The service `shown` with the console, as a process."""
    started = ServiceProcess(
        [str(PROGRAMS / "shown.py")], {"CONSOLE": "true", "CONSOLE_TOKEN": TOKEN, "LOG_LEVEL": "debug"}
    )
    try:
        yield started.started()
    finally:
        started.close()


@pytest.fixture
def console(process: ServiceProcess) -> Caller:
    """The console of that process."""
    return Caller(int(process.management_url.rpartition(":")[2]))
