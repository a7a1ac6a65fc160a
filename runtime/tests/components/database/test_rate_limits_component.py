"""Rate limits of a service with a database: one counter for all instances, and requests pass while it is down."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace

import pytest
from sqlalchemy import MetaData
from starlette.requests import Request
from starlette.responses import Response
from starlette.testclient import TestClient

from firstlight import REGISTRY, ArrangementError, Operation, Service, Settings, create_app
from firstlight.components.database import DATABASE
from firstlight.components.database.rate_limits import rate_limit_table, rate_limits
from firstlight.components.database.request_statements import CURRENT
from firstlight.rate_limits import Limit
from firstlight.testing.lines import Lines

from .stores import create_tables

METADATA = MetaData()
rate_limit_table(METADATA)
LIMITS = (Limit(name="all", rate="4/hour", by="global"), Limit(name="of_a_route", rate="3/hour", by="route"))


async def answer(_: Request) -> Response:
    """Answer, if no statement of the limits counts as one of the request: its reads may go to a replica."""
    statements = CURRENT.get()
    assert statements is not None
    assert (statements.count, statements.wrote) == (0, False)
    return Response(status_code=204)


Start = Callable[[str], TestClient]


@pytest.fixture
def start(
    service: Service, settings: Settings, lines: Lines, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Start:
    """A function that starts an instance with the database of a URL."""
    stack = ExitStack()
    request.addfinalizer(stack.close)  # noqa: PT021 - the instances end before the server
    routes = [Operation(method="GET", path=path, handler=handler) for path, handler in (("/a", answer), ("/b", again))]
    service = replace(service, routes=routes, components=[DATABASE, rate_limits(*LIMITS)])
    settings = settings.model_copy(update={"rate_limits": "on"})

    def started(url: str) -> TestClient:
        monkeypatch.setenv("DATABASE_URL", url)
        return stack.enter_context(TestClient(create_app(settings, service, log_sink=lines)))

    return started


async def again(request: Request) -> Response:
    """The same as another operation."""
    return await answer(request)


def statuses(clients: Sequence[TestClient], path: str) -> list[int]:
    """The answers of the instances, each asked in its turn."""
    return [client.get(path).status_code for client in clients]


def test_instances_share_the_counters(url: str, start: Start) -> None:
    """Before the router and at the route. A refusal says how long to wait."""
    create_tables(url, METADATA)
    instances = [start(url), start(url)]

    assert statuses([*instances, instances[0]], "/a") == [204, 204, 204]
    refused = instances[1].get("/a")
    assert (refused.status_code, refused.json()["policy"]) == (429, "of_a_route")
    assert 1 <= int(refused.headers["retry-after"]) <= 2400
    assert statuses(instances, "/b") == [429, 429]


def test_requests_pass_without_the_table(url: str, start: Start, lines: Lines) -> None:
    """As while the server is down: counted, and said once."""
    before = REGISTRY.get_sample_value("rate_limit_requests_total", {"policy": "all", "outcome": "unchecked"}) or 0
    client = start(url)

    assert statuses([client] * 6, "/a") == [204] * 6
    after = REGISTRY.get_sample_value("rate_limit_requests_total", {"policy": "all", "outcome": "unchecked"}) or 0
    assert after - before == 6
    assert len(lines.named("rate_limits.store_failed")) == 1


def test_it_needs_the_database(service: Service, settings: Settings) -> None:
    """Without it the service does not start."""
    with pytest.raises(ArrangementError, match="database"):
        create_app(settings, replace(service, components=[rate_limits(*LIMITS)]))
