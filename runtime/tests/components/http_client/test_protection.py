"""The breaker, the limit on calls at a time, and the fallback of a dependency."""

import asyncio
import gzip
import socket
import threading
from typing import Any

import httpx2
import pytest

from firstlight import ArrangementError
from firstlight.breaker_policy import BreakerPolicy
from firstlight.components.http_client import (
    BulkheadFullError,
    Concurrency,
    DependencyFailingError,
    HttpClientSettings,
    is_fallback,
)
from firstlight.testing.lines import Lines

from ...peers import DRIPPING, Peer, answer, then
from .calling import becomes, calling, growth, opened, value

FINE = answer("200 OK", b"fine")
BROKEN = answer("500 Internal Server Error")
SENSITIVE = BreakerPolicy(minimum_calls=4, failure_ratio=0.5, open_seconds=60)
REFUSED = "http_client_refused_total"


class Gate:
    """A dependency that answers when it is opened."""

    def __init__(self) -> None:
        """Closed."""
        self.open = threading.Event()

    def __call__(self, peer: Peer, connection: socket.socket) -> None:
        """Answer when it is open."""
        self.open.wait(10)
        FINE(peer, connection)


async def _statuses(client: httpx2.AsyncClient, number: int, path: str = "/") -> list[Any]:
    """What each call came to: a status, or the class of an error."""
    results: list[Any] = []
    for _ in range(number):
        try:
            results.append((await client.get(path)).status_code)
        except httpx2.TransportError as error:
            results.append(type(error))
    return results


def test_a_dependency_that_fails_is_left_alone(lines: Lines) -> None:
    """Errors of the server open the breaker; then nothing is sent."""
    refused = growth(REFUSED, reason="breaker_open")

    async def run(peer: Peer) -> list[Any]:
        async with calling(peer, breaker=SENSITIVE, retries=None) as client:
            results = await _statuses(client, 6)
            assert value("circuit_breaker_state", component="http_client") == 2
            return results

    with Peer(BROKEN) as peer:
        assert asyncio.run(run(peer)) == [500] * 4 + [DependencyFailingError] * 2
        assert len(peer.requests) == 4
    assert refused() == 2
    (line,) = lines.named("breaker.opened")
    assert (line["component"], line["dependency"], line["failed"]) == ("http_client", "scales", 4)


@pytest.mark.parametrize(
    "behave",
    [
        answer("404 Not Found"),
        answer("429 Too Many Requests"),
        answer("501 Not Implemented"),
        answer("200 OK", b"x" * 50),
    ],
    ids=["404", "429", "501", "too large"],
)
def test_errors_of_this_service_do_not_count(behave: Any) -> None:
    """Nor does a body above the limit of this service."""

    async def run(peer: Peer) -> None:
        async with calling(peer, breaker=SENSITIVE, max_response_bytes=20) as client:
            await _statuses(client, 8)

    with Peer(behave) as peer:
        asyncio.run(run(peer))
        assert len(peer.requests) == 8


def test_a_call_that_its_caller_cancels_does_not_count() -> None:
    """It is nobody's failure, also while it waits for its turn."""

    async def run(peer: Peer, gate: Gate) -> list[Any]:
        async with calling(peer, breaker=SENSITIVE, retries=None, concurrency=Concurrency(calls=2)) as client:
            calls = [asyncio.create_task(client.get("/")) for _ in range(6)]
            await becomes(lambda: value("http_client_waiting_requests") == 4)
            for call in calls:
                call.cancel()
            await asyncio.gather(*calls, return_exceptions=True)
            assert value("http_client_active_requests") == value("http_client_waiting_requests") == 0
            gate.open.set()
            return await _statuses(client, 4)

    gate = Gate()
    with Peer(gate) as peer:
        assert asyncio.run(run(peer, gate)) == [200] * 4


def test_a_stream_that_fails_counts() -> None:
    """Although its status was fine."""

    async def run(peer: Peer) -> list[Any]:
        async with calling(peer, breaker=SENSITIVE, retries=None) as client:
            for _ in range(4):
                with pytest.raises(httpx2.TransportError):
                    async with client.stream("GET", "/") as response:
                        await response.aread()
            return await _statuses(client, 1)

    cut = then(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n", lambda *_: None)
    with Peer(cut) as peer:
        assert asyncio.run(run(peer)) == [DependencyFailingError]


def test_a_breaker_can_be_switched_off() -> None:
    """Then every call is sent."""

    async def run(peer: Peer) -> None:
        async with calling(peer, breaker=None, retries=None) as client:
            assert await _statuses(client, 12) == [500] * 12

    with Peer(BROKEN) as peer:
        asyncio.run(run(peer))


def test_calls_beyond_the_limit_wait_for_their_turn() -> None:
    """In the order of their arrival; the gauges show them, and the connections."""

    async def run(peer: Peer, gate: Gate) -> list[httpx2.Response]:
        async with calling(peer, concurrency=Concurrency(calls=2, waiting=3)) as client:
            calls = [asyncio.create_task(client.get("/")) for _ in range(5)]
            await becomes(lambda: len(peer.requests) == 2)
            assert value("http_client_concurrency_limit") == 2
            assert value("http_client_active_requests") == 2
            assert value("http_client_waiting_requests") == 3
            assert value("http_client_open_connections", http_connection_state="active") == 2
            gate.open.set()
            answers = await asyncio.gather(*calls)
            assert value("http_client_open_connections", http_connection_state="idle") == 2
            return answers

    gate = Gate()
    with Peer(gate) as peer:
        assert {response.status_code for response in asyncio.run(run(peer, gate))} == {200}
        assert peer.connections == 2
    assert value("http_client_open_connections", http_connection_state="idle") == 0


def test_a_call_fails_at_once_when_too_many_wait() -> None:
    """And after a while when none ends. Nothing is sent."""
    refused = growth(REFUSED, reason="concurrency")

    async def run(peer: Peer, gate: Gate) -> list[Any]:
        async with calling(peer, concurrency=Concurrency(calls=1, waiting=1, wait_seconds=0.05)) as client:
            first = asyncio.create_task(client.get("/"))
            await becomes(lambda: len(peer.requests) == 1)
            others = await asyncio.gather(client.get("/"), client.get("/"), return_exceptions=True)
            gate.open.set()
            return [*others, await first]

    gate = Gate()
    with Peer(gate) as peer:
        late, full, first = asyncio.run(run(peer, gate))
        assert len(peer.requests) == 1
    assert (type(late), type(full), first.status_code) == (BulkheadFullError, BulkheadFullError, 200)
    assert "none of 1 calls has ended in time" in str(late)
    assert "1 calls run and 1 wait already" in str(full)
    assert refused() == 2


def test_a_stream_runs_until_it_is_closed() -> None:
    """It keeps its connection for so long."""

    async def run(peer: Peer) -> None:
        limit = Concurrency(calls=1, waiting=0)
        async with calling(peer, concurrency=limit) as client:
            async with client.stream("GET", "/"):
                with pytest.raises(BulkheadFullError):
                    await client.get("/")
            assert (await client.get("/")).status_code == 200

    with Peer(FINE) as peer:
        asyncio.run(run(peer))


def _unknown(request: httpx2.Request, outcome: httpx2.Response | Exception) -> httpx2.Response | None:
    """The verdict while nobody can be asked. Only reads have one."""
    if request.method != "GET":
        return None
    return httpx2.Response(200, json={"verdict": "unknown", "because": type(outcome).__name__})


async def _unknown_later(request: httpx2.Request, outcome: httpx2.Response | Exception) -> httpx2.Response | None:
    """The same, as a coroutine function."""
    await asyncio.sleep(0)
    return _unknown(request, outcome)


@pytest.mark.parametrize("fallback", [_unknown, _unknown_later])
def test_the_fallback_answers_for_a_dependency_that_fails(fallback: Any) -> None:
    """After a refusal, an error of the server, and while the breaker is open; the caller can tell."""
    counted = growth("http_client_fallbacks_total")

    async def run(peer: Peer) -> None:
        async with calling(peer, fallback=fallback, breaker=SENSITIVE, retries=None) as client:
            answers = [await client.get("/") for _ in range(5)]
            assert {response.status_code for response in answers} == {200}
            assert all(map(is_fallback, answers))
            assert answers[0].json() == {"verdict": "unknown", "because": "Response"}
            assert answers[4].json()["because"] == "DependencyFailingError"
            with pytest.raises(DependencyFailingError):
                await client.post("/")

    with Peer(BROKEN) as peer:
        asyncio.run(run(peer))
    assert counted() == 5


@pytest.mark.parametrize(
    ("body", "error"),
    [(b"plain", "UnreadableResponseError"), (gzip.compress(bytes(2000), mtime=0), "ResponseTooLargeError")],
    ids=["no gzip", "too large"],
)
def test_the_fallback_answers_for_a_body_that_is_found_bad_when_decoded(body: bytes, error: str) -> None:
    """The breaker counts the one that is the dependency's fault."""

    async def run(peer: Peer) -> None:
        policy = BreakerPolicy(minimum_calls=1, open_seconds=60)
        async with calling(peer, fallback=_unknown, breaker=policy, max_response_bytes=1000) as client:
            reasons = [(await client.get("/")).json()["because"] for _ in range(2)]
        assert reasons == [error, "DependencyFailingError" if error.startswith("Unreadable") else error]

    with Peer(answer("200 OK", body, "content-encoding: gzip")) as peer:
        asyncio.run(run(peer))


def test_the_fallback_is_not_asked_when_the_dependency_answers() -> None:
    """Nor for an error of this service."""

    async def run(peer: Peer) -> httpx2.Response:
        async with calling(peer, fallback=_unknown) as client:
            return await client.get("/")

    for behave, status in ((FINE, 200), (answer("404 Not Found"), 404)):
        with Peer(behave) as peer:
            response = asyncio.run(run(peer))
        assert (response.status_code, is_fallback(response)) == (status, False)


def test_the_fallback_may_keep_the_failure() -> None:
    """By returning nothing: the response of the dependency, or its error."""

    async def run(peer: Peer) -> httpx2.Response:
        async with calling(peer, fallback=lambda *_: None, retries=None, total_seconds=0.1) as client:
            return await client.get("/")

    with Peer(BROKEN) as peer:
        assert asyncio.run(run(peer)).status_code == 500
    with Peer(DRIPPING["nothing"]) as peer, pytest.raises(httpx2.TimeoutException):
        asyncio.run(run(peer))


def test_limits_that_cannot_work_are_refused() -> None:
    """By one sentence, when the page of the service is imported."""
    with pytest.raises(ArrangementError, match="at least 1 in calls"):
        Concurrency(calls=0)


def test_a_dependency_without_an_address_is_named() -> None:
    """By the variable that lacks it."""

    async def run() -> None:
        async with opened(HttpClientSettings()) as clients:
            assert clients.get("scales") is None
            clients["scales"]

    with pytest.raises(KeyError, match="HTTP_CLIENT_DEPENDENCIES does not have scales"):
        asyncio.run(run())
