"""A request that waits too long for a thread is shed, under its route."""

import threading
from collections.abc import Callable

import anyio
import httpx2
import pytest
from anyio.to_thread import current_default_thread_limiter
from starlette.endpoints import HTTPEndpoint
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from firstlight import Service, Settings, create_app
from firstlight.metrics.instruments import REGISTRY
from firstlight.testing.lines import Lines

from ..faults import IDENTITY


class Gate:
    """A plain function that waits in its thread until it is let go."""

    def __init__(self) -> None:
        """Closed."""
        self.open = threading.Event()
        self.entered = threading.Semaphore(0)

    def answer(self, _: Request) -> Response:
        """Wait, then answer."""
        self.entered.release()
        assert self.open.wait(10)
        return PlainTextResponse("done")


async def quick(_: Request) -> Response:
    """Answer without a thread."""
    return PlainTextResponse("quick")


@pytest.fixture
def gate() -> Gate:
    """One gate for each test."""
    return Gate()


@pytest.fixture(params=["function", "class"])
def run(
    request: pytest.FixtureRequest, settings: Settings, lines: Lines, gate: Gate
) -> Callable[[float, int], list[httpx2.Response]]:
    """Send so many requests to a service with one thread; the last goes to a handler without one."""

    class Endpoint(HTTPEndpoint):
        def get(self, request: Request) -> Response:
            return gate.answer(request)

    endpoint = gate.answer if request.param == "function" else Endpoint
    routes = [Route("/gate", endpoint), Route("/quick", quick)]
    service = Service(identity=IDENTITY, routes=routes)

    async def drive(seconds: float, count: int) -> list[httpx2.Response]:
        app = create_app(settings.model_copy(update={"shed_seconds": seconds}), service, log_sink=lines)
        current_default_thread_limiter().total_tokens = 1
        answers: list[httpx2.Response] = []
        transport = httpx2.ASGITransport(app)
        async with (
            app.lifespan(),
            httpx2.AsyncClient(transport=transport, base_url="http://test") as client,
            anyio.create_task_group() as tasks,
        ):

            async def send(path: str) -> None:
                answers.append(await client.get(path))

            for _ in range(count):
                tasks.start_soon(send, "/gate")
            await anyio.to_thread.run_sync(gate.entered.acquire, limiter=anyio.CapacityLimiter(1))
            await send("/quick")
            with anyio.move_on_after(10 if seconds else 0.1):
                while len(answers) < count:  # noqa: ASYNC110 - only looking tells
                    await anyio.sleep(0.005)
            gate.open.set()
        return answers

    return lambda seconds, count: anyio.run(drive, seconds, count)


def _count(status: str, error_type: str, route: str = "/gate") -> float:
    labels = {
        "http_request_method": "GET",
        "http_route": route,
        "http_response_status_code": status,
        "error_type": error_type,
        "url_scheme": "http",
    }
    return REGISTRY.get_sample_value("http_server_request_duration_seconds_count", labels) or 0.0


def test_who_waits_too_long_for_a_thread_is_shed(
    run: Callable[[float, int], list[httpx2.Response]], lines: Lines
) -> None:
    """With 503 and Retry-After, as a request that was shed. The one in the thread is served, others are not held up."""
    before = _count("503", "shed")

    answers = run(0.1, 4)

    assert sorted(answer.status_code for answer in answers) == [200, 200, 503, 503, 503]
    refused = next(answer for answer in answers if answer.status_code == 503)
    assert refused.headers["retry-after"] == "5"
    assert refused.json()["request_id"] == refused.headers["x-request-id"]
    assert _count("503", "shed") - before == 3
    assert lines.named("service.shedding_started")[0]["queue"] == "threads"
    assert not lines.named("http.request_failed")


def test_without_a_limit_everybody_waits(run: Callable[[float, int], list[httpx2.Response]]) -> None:
    """As it was."""
    answers = run(0, 4)

    assert [answer.status_code for answer in answers] == [200] * 5
