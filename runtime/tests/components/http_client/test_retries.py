"""Calls that may be repeated are sent again, after a random delay, within the budget and the deadline."""

import asyncio
import socket
import struct
import time
from collections.abc import Callable, Sequence
from typing import Any

import httpx2
import pytest

from firstlight import ArrangementError
from firstlight.components.http_client import Retries, idempotency_key
from firstlight.components.http_client.retries import RetryBudget

from ...peers import Peer, answer
from ...ports import refusing_port
from .calling import calling, growth, series, value

Behaviour = Callable[[Peer, socket.socket], object]
FINE = answer("200 OK", b"fine")
BUSY = answer("503 Service Unavailable")
RETRIES = "http_client_retries_total"
WITHHELD = "http_client_retries_withheld_total"
AT_ONCE = Retries(attempts=3, first_seconds=0.001, longest_seconds=0.001)


def in_turn(*behaviours: Behaviour) -> Behaviour:
    """Behave so, each for one request; the last goes on."""
    left = list(behaviours)

    def behave(peer: Peer, connection: socket.socket) -> object:
        return (left.pop(0) if len(left) > 1 else left[0])(peer, connection)

    return behave


def reset(_: Peer, connection: socket.socket) -> None:
    """End the connection as a crashed server does."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def half(peer: Peer, connection: socket.socket) -> None:
    """Announce more than is sent."""
    peer.send(connection, b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf")
    connection.shutdown(socket.SHUT_RDWR)


async def _call(peer: Peer, method: str = "GET", headers: Any = None, **policies: Any) -> httpx2.Response:
    async with calling(peer, **{"retries": AT_ONCE, "breaker": None, **policies}) as client:
        return await client.request(method, "/", headers=headers)


@pytest.mark.parametrize(
    ("behaviours", "reason"),
    [((BUSY, FINE), "status_503"), ((reset, FINE), "connection_lost"), ((half, FINE), "connection_lost")],
    ids=["503", "reset", "half a body"],
)
def test_a_call_that_fails_once_succeeds(behaviours: Sequence[Behaviour], reason: str) -> None:
    """Whether the dependency refuses, is lost before the response, or within it."""
    retried = growth(RETRIES, reason=reason)
    with Peer(in_turn(*behaviours)) as peer:
        assert asyncio.run(_call(peer)).text == "fine"
        assert len(peer.requests) == 2
    assert retried() == 1


def test_the_last_failure_is_the_result() -> None:
    """After three attempts."""
    with Peer(BUSY) as peer:
        assert asyncio.run(_call(peer)).status_code == 503
        assert len(peer.requests) == 3
    with Peer(half) as peer, pytest.raises(httpx2.RemoteProtocolError):
        asyncio.run(_call(peer))


@pytest.mark.parametrize(
    ("method", "headers", "attempts"),
    [
        ("PUT", {}, 3),
        ("DELETE", {}, 3),
        ("POST", {}, 1),
        ("PATCH", {}, 1),
        ("POST", idempotency_key(), 3),
    ],
)
def test_only_calls_that_may_be_repeated_are(method: str, headers: Any, attempts: int) -> None:
    """By their method, or by a key: then each attempt has the same."""
    with Peer(BUSY) as peer:
        asyncio.run(_call(peer, method, headers))
        assert len(peer.requests) == attempts
        keys = {line for request in peer.requests for line in request.split(b"\r\n") if b"dempotency-" in line}
    assert len(keys) == (1 if headers else 0)


def test_a_call_that_was_never_sent_is_repeated_whatever_it_is() -> None:
    """Nobody has seen it."""
    retried = growth(RETRIES, reason="not_connected")

    async def run(url: str) -> None:
        async with calling(url, retries=AT_ONCE, breaker=None) as client:
            await client.post("/")

    with refusing_port() as port, pytest.raises(httpx2.ConnectError):
        asyncio.run(run(f"http://127.0.0.1:{port}"))
    assert retried() == 2


def test_a_body_that_can_be_read_once_is_sent_once() -> None:
    """A generator is empty afterwards."""

    async def run(peer: Peer) -> None:
        async def body() -> Any:
            yield b"x"

        async with calling(peer, retries=AT_ONCE) as client:
            await client.put("/", content=body(), headers={"content-length": "1"})

    with Peer(BUSY) as peer:
        asyncio.run(run(peer))
        assert len(peer.requests) == 1


def test_a_closed_connection_that_was_used_before_is_no_attempt() -> None:
    """The server may close it at the moment at which the next call is sent: that call is sent again once, at once."""
    stale = growth(RETRIES, reason="stale_connection")

    async def run(peer: Peer) -> list[int]:
        async with calling(peer, retries=None, breaker=None) as client:
            return [(await client.get("/")).status_code for _ in range(2)]

    with Peer(in_turn(FINE, reset, FINE)) as peer:
        assert asyncio.run(run(peer)) == [200, 200]
        assert (len(peer.requests), peer.connections) == (3, 2)
    assert stale() == 1


def test_a_new_connection_that_is_closed_is_an_attempt() -> None:
    """Without retries it fails."""
    with Peer(reset) as peer:
        with pytest.raises(httpx2.TransportError):
            asyncio.run(_call(peer, retries=None))
        assert len(peer.requests) == 1


def test_a_stale_connection_is_replaced_once() -> None:
    """A dependency that crashes at each request gets two."""

    async def run(peer: Peer) -> None:
        async with calling(peer, retries=None, breaker=None) as client:
            await client.get("/")
            with pytest.raises(httpx2.TransportError):
                await client.get("/")

    with Peer(in_turn(FINE, reset)) as peer:
        asyncio.run(run(peer))
        assert len(peer.requests) == 3


def test_all_calls_share_a_budget() -> None:
    """When a dependency is down, a hundred calls cause 10 retries and one for each ten calls, not two hundred."""
    withheld = growth(WITHHELD, reason="budget")

    async def run(peer: Peer) -> float:
        async with calling(peer, retries=AT_ONCE, breaker=None) as client:
            for _ in range(100):
                await client.get("/")
            return value("http_client_retry_budget_ratio")

    with Peer(BUSY) as peer:
        assert asyncio.run(run(peer)) < 0.1
        assert 118 <= len(peer.requests) <= 120
    assert withheld() >= 80


def test_the_budget_pays_for_so_many_retries() -> None:
    """The reserve at the start, and then a part of the calls."""
    budget = RetryBudget(Retries(budget_reserve=2, budget_ratio=0.25))
    assert [budget.take() for _ in range(3)] == [True, True, False]
    for _ in range(4):
        budget.pay()
    assert budget.left == 0.5
    assert [budget.take() for _ in range(2)] == [True, False]


def test_there_is_no_retry_after_the_deadline() -> None:
    """The failure is told at once."""
    withheld = growth(WITHHELD, reason="deadline")
    slow = Retries(attempts=3, first_seconds=1000, longest_seconds=1000)
    began = time.monotonic()
    with Peer(answer("503 Service Unavailable", b"", "retry-after: 500")) as peer:
        assert asyncio.run(_call(peer, retries=slow)).status_code == 503
        assert len(peer.requests) == 1
    assert time.monotonic() - began < 1
    assert withheld() == 1


@pytest.mark.parametrize(
    ("told", "attempts"),
    [("0", 2), ("3600", 1), ("Fri, 31 Dec 1999 23:59:59 GMT", 2), ("Fri, 31 Dec 2100 23:59:59 GMT", 1), ("soon", 2)],
)
def test_the_dependency_may_say_when(told: str, attempts: int) -> None:
    """A `Retry-After` beyond the longest delay means: not now."""
    with Peer(in_turn(answer("503 Service Unavailable", b"", f"retry-after: {told}"), FINE)) as peer:
        asyncio.run(_call(peer))
        assert len(peer.requests) == attempts


def test_the_time_that_the_dependency_asks_for_is_kept() -> None:
    """In whole seconds."""
    policy = Retries(first_seconds=0.01, longest_seconds=2)
    response = httpx2.Response(503, headers={"retry-after": "2"})
    assert policy.delay(1, response, now=0) == 2
    delays = [policy.delay(2, httpx2.Response(503), now=0) or 0 for _ in range(100)]
    assert 0 <= min(delays) < max(delays) <= 0.02
    assert len(set(delays)) > 50


def test_each_attempt_has_a_duration() -> None:
    """So the metric shows the load on the dependency."""
    with Peer(in_turn(BUSY, BUSY, FINE)) as peer:
        asyncio.run(_call(peer))
        port = str(peer.port)
    statuses = series("http_client_request_duration_seconds_count", server_port=port)
    assert {labels["http_response_status_code"]: number for labels, number in statuses} == {"503": 2, "200": 1}


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"attempts": 0}, "attempts must be from 1 to 10 in Retries"),
        ({"first_seconds": 2, "longest_seconds": 1}, "longest_seconds must be at least first_seconds"),
        ({"budget_ratio": 1.5}, "budget_ratio must be from 0 to 1 in Retries"),
        ({"statuses": 503}, "statuses must be a tuple of statuses from 400 to 599 in Retries"),
        ({"statuses": ("503",)}, "statuses must be a tuple of statuses from 400 to 599 in Retries"),
        ({"statuses": (200,)}, "statuses must be a tuple of statuses from 400 to 599 in Retries"),
        ({"budget_reserve": 0}, "budget_reserve must be at least 1 in Retries"),
    ],
)
def test_retries_that_cannot_work_are_refused(values: dict[str, Any], sentence: str) -> None:
    """By one sentence, when the page of the service is imported."""
    with pytest.raises(ArrangementError, match=sentence):
        Retries(**values)


def test_a_key_is_new_or_made_of_parts() -> None:
    """The same parts have the same key, in every process; a key does not show them."""
    assert idempotency_key() != idempotency_key()
    assert idempotency_key("order-7", "charge") == idempotency_key("order-7", "charge")
    assert idempotency_key("order-7", "charge") != idempotency_key("order-7c", "harge")
    assert "order" not in str(idempotency_key("order-7", "charge"))


@pytest.mark.parametrize("unknown", ["", None])
def test_a_key_with_an_unknown_part_is_new(unknown: str | None) -> None:
    """Otherwise all requests whose clients send no key would share one, and get the first one's response."""
    assert idempotency_key(unknown, "charge") != idempotency_key(unknown, "charge")
    assert idempotency_key("charge", unknown) != idempotency_key("charge", unknown)
