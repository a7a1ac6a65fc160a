"""Idempotency keys and rate limits of two instances with one Redis, and with none."""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from itertools import count
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.testclient import TestClient

from firstlight import ArrangementError, Component, Operation, Service, Settings, create_app
from firstlight.components.cache import CACHE
from firstlight.components.cache.idempotency import IDEMPOTENCY
from firstlight.components.cache.rate_limits import Limit, rate_limits
from firstlight.testing.lines import Lines
from firstlight.testing.redis import RedisProcess

KEY = {"Idempotency-Key": "first-parcel"}
LIMITS = (
    Limit(name="open", rate="4/hour", by="route", methods=("GET",)),
    Limit(name="closed", rate="4/hour", by="route", methods=("PUT",), when_store_fails="refuse"),
)
Start = Callable[[str], TestClient]


@pytest.fixture
def start(
    service: Service, settings: Settings, lines: Lines, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Start:
    """A function that starts an instance with the Redis of a URL."""
    stack, numbers = ExitStack(), count(1)
    request.addfinalizer(stack.close)  # noqa: PT021 - the instances end before the server

    async def create(_: Request) -> Response:
        """Say how often it has run."""
        return JSONResponse({"number": next(numbers)}, 201)

    async def change(request: Request) -> Response:
        """The same as another operation."""
        return await create(request)

    async def read(_: Request) -> Response:
        """Nothing."""
        return Response(status_code=204)

    routes = [
        Operation(method="POST", path="/parcels", handler=create, idempotent=True),
        Operation(method="PUT", path="/parcels", handler=change),
        Operation(method="GET", path="/parcels", handler=read),
    ]
    service = replace(service, routes=routes, components=[CACHE, rate_limits(*LIMITS), IDEMPOTENCY])
    settings = settings.model_copy(update={"rate_limits": "on"})

    def started(url: str) -> TestClient:
        monkeypatch.setenv("REDIS_URL", url)
        return stack.enter_context(TestClient(create_app(settings, service, log_sink=lines)))

    return started


def test_instances_share_keys_and_counters(start: Start, store_server: RedisProcess) -> None:
    """The handler runs once for a key, and four requests pass in all."""
    store_server.command("FLUSHALL")
    one, other = start(store_server.url()), start(store_server.url())

    first, again = one.post("/parcels", headers=KEY), other.post("/parcels", headers=KEY)
    assert (first.status_code, again.status_code, again.json()) == (201, 201, first.json())
    assert again.headers["idempotent-replayed"] == "true"
    assert other.post("/parcels", headers=KEY, content=b"another").status_code == 422
    assert [each.get("/parcels").status_code for each in (one, other, one, other, one, other)] == [204] * 4 + [429] * 2


def test_without_the_server(start: Start, store_server: RedisProcess) -> None:
    """Requests with a key get 503, one without is served; a limit lets requests pass unless it says `refuse`."""
    store_server.command("FLUSHALL")
    client = start(store_server.url())
    assert client.post("/parcels", headers=KEY).status_code == 201
    store_server.kill()
    try:
        assert [client.get("/parcels").status_code for _ in range(6)] == [204] * 6
        assert client.put("/parcels").status_code == 503
        refused = client.post("/parcels", headers=KEY)
        assert (refused.status_code, "retry-after" in refused.headers) == (503, True)
        assert client.post("/parcels").status_code == 201
    finally:
        store_server.start()


def test_without_a_url(start: Start) -> None:
    """Each instance has keys and counters of its own."""
    one, other = start(""), start("")

    assert one.post("/parcels", headers=KEY).json() == one.post("/parcels", headers=KEY).json() == {"number": 1}
    assert other.post("/parcels", headers=KEY).json() == {"number": 2}
    assert [one.get("/parcels").status_code for _ in range(5)] == [204] * 4 + [429]
    assert other.get("/parcels").status_code == 204


@pytest.mark.parametrize("component", [IDEMPOTENCY, rate_limits(*LIMITS)])
def test_they_need_the_cache(service: Service, settings: Settings, component: Component[Any, Any]) -> None:
    """Without it the service does not start."""
    with pytest.raises(ArrangementError, match="cache"):
        create_app(settings, replace(service, components=[component]))
