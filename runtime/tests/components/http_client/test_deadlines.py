"""A call ends when the request that makes it has no time left, and tells the dependency how long it waits."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

import httpx2
import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.testclient import TestClient

from firstlight import ArrangementError, Operation, Service, Settings
from firstlight.app import create_app
from firstlight.breaker_policy import BreakerPolicy
from firstlight.components.http_client import HTTP_CLIENT, Dependency, RequestDeadlineError, http_client
from firstlight.context import remaining_seconds
from firstlight.testing import ServiceProcess
from firstlight.testing.lines import Lines

from ...conftest import PROGRAMS
from ...faults import IDENTITY
from ...peers import DRIPPING, Peer, answer
from .calling import calling, growth

HEADER = "x-request-timeout-ms"
SLACK_SECONDS = 2.0  # of a busy machine
SENSITIVE = BreakerPolicy(minimum_calls=2, failure_ratio=0.1, open_seconds=60)


def _told(peer: Peer) -> list[int]:
    """The milliseconds that each call named. Health checks name none."""
    lines = [line for request in peer.requests for line in request.lower().split(b"\r\n")]
    return [int(line.split(b":")[1]) for line in lines if line.startswith(HEADER.encode())]


async def _ask(request: Request) -> Response:
    """Call the dependency, and say how long it took."""
    began = time.monotonic()
    try:
        status = (await HTTP_CLIENT.of(request)["scales"].get("/")).status_code
    except httpx2.TransportError as error:
        return JSONResponse({"error": type(error).__name__, "seconds": time.monotonic() - began})
    return JSONResponse({"status": status})


def _service(*policies: Dependency, **operation: Any) -> Service:
    rows = [Operation(method="GET", path="/ask", handler=_ask, **operation)]
    return Service(identity=IDENTITY, components=[http_client(*policies)], routes=rows)


def _answers(
    service: Service, peer: Peer, lines: Lines, monkeypatch: pytest.MonkeyPatch, *headers: Any, **settings: Any
) -> list[Any]:
    monkeypatch.setenv("HTTP_CLIENT_DEPENDENCIES", f"scales={peer.url}")
    app = create_app(Settings(management_port=0, **settings), service, log_sink=lines)
    with TestClient(app, raise_server_exceptions=False) as client:
        return [client.get("/ask", headers=each).json() for each in headers or ({},)]


def test_the_dependency_is_told_how_long_the_call_waits() -> None:
    """Each attempt has less."""

    async def run(peer: Peer) -> None:
        async with calling(peer, total_seconds=1.5) as client:
            await client.get("/")

    with Peer(answer("503 Service Unavailable")) as peer:
        asyncio.run(run(peer))
        told = _told(peer)
    assert len(told) == 3
    assert 1500 >= told[0] > told[1] > told[2] > 0


def test_a_dependency_need_not_be_told() -> None:
    """Such as one outside of the company."""

    async def run(peer: Peer) -> None:
        async with calling(peer, pass_deadline=False) as client:
            await client.get("/")

    with Peer(answer("200 OK")) as peer:
        asyncio.run(run(peer))
        assert (len(peer.requests), _told(peer)) == (1, [])


def test_a_call_ends_before_the_handler_that_makes_it(lines: Lines, monkeypatch: pytest.MonkeyPatch) -> None:
    """The handler can still answer. The breaker does not count it: the dependency had less time than usual."""
    service = _service(Dependency("scales", breaker=SENSITIVE), deadline_seconds=0.4)
    with Peer(DRIPPING["nothing"]) as peer:
        answers = _answers(service, peer, lines, monkeypatch, {}, {}, {})
        assert len(_told(peer)) == 3
        assert all(milliseconds <= 360 for milliseconds in _told(peer))
    assert {each.get("error") for each in answers} == {"RequestDeadlineError"}
    assert all(0.2 < each["seconds"] < 0.4 for each in answers)


def test_the_time_of_a_caller_counts_where_it_is_accepted(lines: Lines, monkeypatch: pytest.MonkeyPatch) -> None:
    """`ACCEPT_DEADLINE` is for services whose callers are known: anybody could send a short time."""
    headers = [{HEADER: "300"}, {HEADER: "soon"}, {HEADER: "-5"}, {HEADER: "9" * 12}]
    with Peer(answer("200 OK")) as peer:
        _answers(_service(), peer, lines, monkeypatch, *headers, accept_deadline=True)
        told = _told(peer)
        assert 0 < told[0] <= 270
        assert all(milliseconds > 4000 for milliseconds in told[1:])
    with Peer(answer("200 OK")) as peer:
        _answers(_service(), peer, lines, monkeypatch, *headers)
        told = _told(peer)
        assert all(milliseconds > 4000 for milliseconds in told)


def test_a_deadline_is_passed_from_service_to_service(serve: Callable[..., ServiceProcess]) -> None:
    """The second of two has 20 s of its own. It gives up a tenth of a second before the first does."""
    relay = str(PROGRAMS / "relay.py")
    with Peer(DRIPPING["nothing"]) as peer:
        accepting = {"ACCEPT_DEADLINE": "true", "HTTP_CLIENT_DEPENDENCIES": f"behind={peer.url}"}
        second = serve(relay, HTTP_CLIENT_TIMEOUT_SECONDS="20", **accepting).started()
        calling_it = {"HTTP_CLIENT_DEPENDENCIES": f"behind={second.url}"}
        first = serve(relay, HTTP_CLIENT_TIMEOUT_SECONDS="1", **calling_it).started()
        began = time.monotonic()
        first.get("/relay/relay/hang")
        assert time.monotonic() - began < 1 + SLACK_SECONDS
        (told,) = [request for request in peer.requests if request.startswith(b"GET /hang ")]
    (milliseconds,) = [int(line.split(b":")[1]) for line in told.split(b"\r\n") if line.startswith(HEADER.encode())]
    assert 0 < milliseconds <= 900
    failed = second.wait_for("http_client.call_failed", http_request_method="GET")
    assert failed["error_type"].endswith(".RequestDeadlineError")


def test_a_call_without_time_is_not_sent(lines: Lines, monkeypatch: pytest.MonkeyPatch) -> None:
    """The caller has gone."""
    refused = growth("http_client_refused_total", reason="deadline")
    with Peer(answer("200 OK")) as peer:
        (answered,) = _answers(_service(), peer, lines, monkeypatch, {HEADER: "0"}, accept_deadline=True)
        assert _told(peer) == []
    assert answered["error"] == RequestDeadlineError.__name__
    assert refused() == 1


def test_a_task_that_goes_on_after_its_request_has_no_deadline(settings: Settings, lines: Lines) -> None:
    """Its calls have the time of the policies."""
    left: list[asyncio.Task[float | None]] = []

    async def leave(_: Request) -> Response:
        release = asyncio.Event()

        async def later() -> float | None:
            await release.wait()
            return remaining_seconds()

        left.append(asyncio.create_task(later()))
        asyncio.get_running_loop().call_later(0.05, release.set)
        return JSONResponse(remaining_seconds())

    async def read(_: Request) -> Response:
        return JSONResponse(await left[0])

    rows = [Operation(method="GET", path=f"/{each.__name__}", handler=each) for each in (leave, read)]
    service = Service(identity=IDENTITY, routes=rows)
    with TestClient(create_app(settings, service, log_sink=lines)) as client:
        assert 29 < client.get("/leave").json() <= 30
        assert client.get("/read").json() is None
    assert remaining_seconds() is None


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"total_seconds": 0}, "the dependency 'scales' must have seconds above 0 in total_seconds, not 0"),
        ({"total_seconds": 1, "read_seconds": 2}, "at most total_seconds, 1, in read_seconds, not 2"),
        ({"baggage": "tenant"}, r'must have a tuple in `baggage`, such as \("tenant",\)'),
        ({"max_response_bytes": -1}, "must have at least 0 in max_response_bytes"),
        ({"total_seconds": "2"}, "must have seconds above 0 in total_seconds, not '2'"),
        ({"retries": 3}, "must have a value of Retries in retries, not 3"),
        ({"breaker": True}, "must have a value of BreakerPolicy in breaker, not True"),
        ({"ejection": None}, "must have a value of Ejection in ejection, not None"),
        ({"fallback": "unknown"}, "must have a function of the request and the outcome in fallback, not 'unknown'"),
    ],
)
def test_policies_that_cannot_work_are_refused(values: dict[str, Any], sentence: str) -> None:
    """By one sentence, when the page of the service is imported."""
    with pytest.raises(ArrangementError, match=sentence):
        Dependency("scales", **values)
    with pytest.raises(ArrangementError, match="must be a Python name in lower case"):
        Dependency("The-Scales")
    names: list[Any] = ["scales", None]
    with pytest.raises(ArrangementError, match="http_client takes dependencies, such as"):
        http_client(names[0])
    with pytest.raises(ArrangementError, match="must be a Python name in lower case"):
        Dependency(names[1])
    with pytest.raises(ArrangementError, match="'scales' is declared 2 times"):
        http_client(Dependency("scales"), Dependency("scales"))


def test_each_wait_has_its_own_limit() -> None:
    """A dependency that does not answer is asked again within the total."""

    async def run(peer: Peer) -> None:
        async with calling(peer, total_seconds=2, read_seconds=0.1) as client:
            with pytest.raises(httpx2.ReadTimeout):
                await client.get("/")

    with Peer(DRIPPING["nothing"]) as peer:
        asyncio.run(run(peer))
        assert len(peer.requests) == 3
