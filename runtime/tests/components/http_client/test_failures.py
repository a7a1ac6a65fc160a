"""Each failure of the README, driven: what clients of the service get, and that it recovers without a restart."""

import asyncio
import gzip
import time
import tomllib
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx2
import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from firstlight import Service, Settings
from firstlight.app import Application, create_app
from firstlight.breaker_policy import BreakerPolicy
from firstlight.components.http_client import HTTP_CLIENT, Concurrency, Dependency, Retries, http_client
from firstlight.testing.lines import Lines
from firstlight.testing.process import TIMEOUT_SECONDS

from ...conftest import FAULTS
from ...fault_proxy import FaultProxy
from ...faults import IDENTITY
from ...peers import DRIPPING, Peer, answer, then
from .test_protection import Gate

pytestmark = pytest.mark.anyio

MANIFEST = FAULTS.parents[2] / "components/http_client/component.toml"
LIMIT_BYTES = 1000
CALL_SECONDS = 0.5
SLACK_SECONDS = 2.0  # of a busy machine
FINE = answer("200 OK", b"fine")
# As by default, with shorter times: a test need not wait for seconds.
POLICY = Dependency(
    "scales",
    total_seconds=CALL_SECONDS,
    retries=Retries(first_seconds=0.01, longest_seconds=0.02),
    breaker=BreakerPolicy(open_seconds=0.3),
    concurrency=Concurrency(calls=2, waiting=1, wait_seconds=0.1),
    max_response_bytes=LIMIT_BYTES,
)

DOWN = "a dependency is down, or cannot be reached"
AT_START = "a dependency is down at the start"
HANGS = "a dependency hangs, or answers too late"
LOST = "a dependency is lost within a response, or closes the connection"
FLAPS = "a dependency comes and goes"
REFUSES = "a dependency answers with 502, 503 or 504"
LARGE = "a response is larger than `HTTP_CLIENT_MAX_RESPONSE_BYTES`"
GARBLED = "a body is not what its `Content-Encoding` says"
MANY = "a dependency is slow, and more calls run than `HTTP_CLIENT_MAX_CONNECTIONS`"


async def _weigh(request: Request) -> Response:
    response = await HTTP_CLIENT.of(request)["scales"].get("/")
    return PlainTextResponse(response.text, response.status_code)


async def _other(_: Request) -> Response:
    return PlainTextResponse("no scales")


SERVICE = Service(
    identity=IDENTITY,
    components=[http_client(POLICY)],
    routes=[Route("/weigh", _weigh), Route("/other", _other)],
)


@dataclass
class Scales:
    """The dependency, the way to it, and a client of the service."""

    peer: Peer
    proxy: FaultProxy
    client: httpx2.AsyncClient
    app: Application

    async def weigh(self) -> httpx2.Response:
        """One request that needs the dependency."""
        return await self.client.get("/weigh")

    async def recovers(self) -> float:
        """Seconds until a request succeeds."""
        began = time.monotonic()
        async with asyncio.timeout(TIMEOUT_SECONDS):
            while (await self.weigh()).text != "fine":  # noqa: ASYNC110 - as a client would
                await asyncio.sleep(0.01)
        return time.monotonic() - began


@pytest.fixture
def proxy() -> Iterator[tuple[Peer, FaultProxy]]:
    """The dependency behind a proxy that fails."""
    with Peer(FINE) as peer, FaultProxy(peer.port) as proxy:
        yield peer, proxy


@asynccontextmanager
async def _started(peer: Peer, proxy: FaultProxy, lines: Lines, monkeypatch: Any) -> AsyncIterator[Scales]:
    monkeypatch.setenv("HTTP_CLIENT_DEPENDENCIES", f"scales=http://127.0.0.1:{proxy.port}")
    app = create_app(Settings(management_port=0), SERVICE, log_sink=lines)
    ended = asyncio.Event()
    started = asyncio.Event()

    async def receive() -> Any:
        if started.is_set():
            await ended.wait()
            return {"type": "lifespan.shutdown"}
        return {"type": "lifespan.startup"}

    async def send(message: Any) -> None:
        started.set()
        assert message["type"] in {"lifespan.startup.complete", "lifespan.shutdown.complete"}, message

    state: dict[str, Any] = {}
    lifespan = asyncio.create_task(app({"type": "lifespan", "state": state}, receive, send))
    await started.wait()
    await asyncio.sleep(0)
    assert not lifespan.done()

    async def with_state(scope: Any, receive: Any, send: Any) -> None:
        await app({**scope, "state": dict(state)}, receive, send)

    transport = httpx2.ASGITransport(app=with_state, raise_app_exceptions=False)
    async with httpx2.AsyncClient(transport=transport, base_url="http://service") as client:
        yield Scales(peer, proxy, client, app)
    ended.set()
    await lifespan


@pytest.fixture
async def scales(proxy: tuple[Peer, FaultProxy], lines: Lines, monkeypatch: Any) -> AsyncIterator[Scales]:
    """The service, which works."""
    async with _started(*proxy, lines, monkeypatch) as scales:
        assert (await scales.weigh()).text == "fine"
        yield scales


Break = Callable[[Scales], object]


def _behaves(behaviour: Any) -> Break:
    def change(scales: Scales) -> None:
        scales.peer.behave = behaviour

    return change


@dataclass(frozen=True)
class Row:
    """A failure: its line in the README, how it comes about, and what a client gets."""

    name: str
    line: str
    fail: Break
    status: int
    detail: str = "cannot be reached"


HALF = then(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf", lambda *_: None)
ROWS = [
    Row("refusing", DOWN, lambda scales: scales.proxy.refuse(), 503),
    Row("hanging", HANGS, lambda scales: scales.proxy.hang(), 503),
    Row("silent", HANGS, _behaves(DRIPPING["nothing"]), 503),
    Row("slow", HANGS, lambda scales: scales.proxy.slow(to_client=2 * CALL_SECONDS), 503),
    Row("dripping", HANGS, _behaves(DRIPPING["body"]), 503),
    Row("half a response", LOST, _behaves(HALF), 503),
    Row("not HTTP", LOST, _behaves(then(b"SSH-2.0-OpenSSH_9.2\r\n\r\n", lambda *_: None)), 503),
    Row("answers 503", REFUSES, _behaves(answer("503 Service Unavailable")), 503, ""),
    Row("too large", LARGE, _behaves(answer("200 OK", bytes(2 * LIMIT_BYTES))), 503),
    Row(
        "too large when decoded",
        LARGE,
        _behaves(answer("200 OK", gzip.compress(bytes(9 * LIMIT_BYTES)), "content-encoding: gzip")),
        503,
    ),
    Row("not decodable", GARBLED, _behaves(answer("200 OK", b"plain", "content-encoding: gzip")), 503),
]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
async def test_a_failure_is_answered_and_survived(scales: Scales, row: Row) -> None:
    """With 503 in time and the name of the dependency; other requests are answered; afterwards it works again."""
    row.fail(scales)
    for _ in range(2):
        began = time.monotonic()
        answered = await scales.weigh()
        assert time.monotonic() - began < CALL_SECONDS + SLACK_SECONDS
        assert answered.status_code == row.status
        if row.detail:
            assert answered.headers["retry-after"] == "5"
            assert row.detail in answered.json()["detail"]
            assert answered.json()["dependency"] == "scales"
    assert (await scales.client.get("/other")).text == "no scales"
    scales.peer.behave = FINE
    scales.proxy.restore()
    assert await scales.recovers() < CALL_SECONDS + SLACK_SECONDS


async def test_a_long_failure_opens_the_breaker(scales: Scales, lines: Lines) -> None:
    """Then requests are answered at once. When the dependency is back, a probe finds out."""
    scales.proxy.refuse()
    for _ in range(10):
        await scales.weigh()
    began = time.monotonic()
    answered = await scales.weigh()
    assert time.monotonic() - began < CALL_SECONDS
    assert (answered.status_code, answered.headers["retry-after"]) == (503, "1")
    assert "fails too often at the moment" in answered.json()["detail"]
    scales.proxy.restore()
    assert await scales.recovers() < 1 + SLACK_SECONDS
    for _ in range(3):
        await scales.weigh()
    events = [line["event"] for line in lines.events if line["event"].startswith("breaker.")]
    assert events[0] == "breaker.opened"
    assert events[-2:] == ["breaker.half_opened", "breaker.closed"]


async def test_a_dependency_that_is_down_at_the_start_does_not_stop_it(
    proxy: tuple[Peer, FaultProxy], lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The service is ready; as soon as the dependency is there, calls succeed."""
    proxy[1].refuse()
    async with _started(*proxy, lines, monkeypatch) as scales:
        assert (await scales.client.get("/health/ready")).status_code == 200
        assert (await scales.weigh()).status_code == 503
        proxy[1].restore()
        assert await scales.recovers() < CALL_SECONDS + SLACK_SECONDS


async def test_a_lost_connection_is_replaced(scales: Scales) -> None:
    """A call that may be repeated succeeds although its connection is gone."""
    for _ in range(3):
        scales.proxy.reset()
        assert (await scales.weigh()).text == "fine"


async def test_calls_succeed_while_a_flapping_dependency_is_there(scales: Scales) -> None:
    """And none hangs while it is not."""
    scales.proxy.flap(up=0.15, down=0.1)
    statuses = []
    for _ in range(60):
        began = time.monotonic()
        statuses.append((await scales.weigh()).status_code)
        assert time.monotonic() - began < CALL_SECONDS + SLACK_SECONDS
        await asyncio.sleep(0.02)
    assert set(statuses) <= {200, 503}
    assert 200 in statuses
    scales.proxy.restore()
    assert await scales.recovers() < 1 + SLACK_SECONDS


async def test_a_slow_dependency_holds_a_limited_number_of_requests(scales: Scales) -> None:
    """Two run and one waits; the others are answered at once, and those that do not need it are not affected."""
    gate = Gate()
    scales.peer.behave = gate
    calls = [asyncio.create_task(scales.weigh()) for _ in range(8)]
    assert (await scales.client.get("/other")).status_code == 200
    refused = await asyncio.gather(*calls[3:])
    assert {response.status_code for response in refused} == {503}
    gate.open.set()
    assert [(await call).status_code for call in calls[:2]] == [200, 200]
    assert (await calls[2]).status_code in {200, 503}


def test_the_readme_has_these_failures() -> None:
    """Every line of the README is driven here, and every failure here has a line there."""
    manifest = tomllib.loads(MANIFEST.read_text("utf-8"))
    driven = {*(row.line for row in ROWS), AT_START, FLAPS, MANY}
    assert {failure["what"] for failure in manifest["failures"]} == driven
