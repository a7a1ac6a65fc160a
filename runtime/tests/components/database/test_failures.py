"""Each failure of the README, driven: what clients get, what the health says, and how the service recovers."""

import asyncio
import time
import tomllib
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest

from firstlight.testing.postgresql import PostgresqlServer
from firstlight.testing.process import TIMEOUT_SECONDS, ServiceProcess

from ...conftest import FAULTS
from ...fault_proxy import FaultProxy
from . import outages
from .ledger import LIMITS, PASSWORD, PROGRAM, Ledger, prepare, url

pytestmark = pytest.mark.anyio

MANIFEST = FAULTS.parents[2] / "components/database/component.toml"
Outage = Callable[[Ledger], AbstractAsyncContextManager[None]]
ANSWER_SECONDS = 3.0  # for one answer: connecting, waiting, a statement and its grace, and once more
RECOVERY_SECONDS = 2.0
ROUNDS = 3  # requests of each kind during a failure


@dataclass(frozen=True)
class Row:
    """A failure: its line in the README, and what happens."""

    outage: Outage
    line: str
    """`what` of the manifest."""
    read: int
    write: int
    check: str = "fail"


AWAY = "the database is down, or cannot be reached"
HANGS = "the database hangs, or answers too late"
CHANGES = "the database comes and goes"
REFUSES = "the database refuses the service: a changed password, no connection left, no such database"
POOL = "all connections of the pool are in use"
WRITES = "the database is read-only or full"
LOCKS = "a statement waits too long for a lock"
OK, CREATED, UNAVAILABLE, EITHER = 200, 201, 503, 0

ROWS = [
    Row(outages.crashed, AWAY, UNAVAILABLE, UNAVAILABLE),
    Row(outages.stopped, AWAY, UNAVAILABLE, UNAVAILABLE),
    Row(outages.unreachable, AWAY, UNAVAILABLE, UNAVAILABLE),
    Row(outages.hanging, HANGS, UNAVAILABLE, UNAVAILABLE),
    Row(outages.too_slow, HANGS, UNAVAILABLE, UNAVAILABLE),
    Row(outages.slow, HANGS, OK, CREATED, check="pass"),
    Row(outages.flapping, CHANGES, EITHER, EITHER, check=""),
    Row(outages.sessions_ended, CHANGES, OK, CREATED, check="pass"),
    Row(outages.wrong_password, REFUSES, UNAVAILABLE, UNAVAILABLE),
    Row(outages.without_connections, REFUSES, UNAVAILABLE, UNAVAILABLE),
    Row(outages.closed_for_maintenance, REFUSES, UNAVAILABLE, UNAVAILABLE),
    Row(outages.dropped, REFUSES, UNAVAILABLE, UNAVAILABLE),
    Row(outages.pool_exhausted, POOL, UNAVAILABLE, UNAVAILABLE),
    Row(outages.read_only, WRITES, OK, UNAVAILABLE, check="pass"),
    Row(outages.full, WRITES, OK, UNAVAILABLE, check="pass"),
    Row(outages.locked, LOCKS, UNAVAILABLE, UNAVAILABLE, check="pass"),
    Row(outages.locked_for_writers, LOCKS, OK, UNAVAILABLE, check="pass"),
]


@pytest.fixture(scope="module")
def server(postgresql: PostgresqlServer) -> Iterator[PostgresqlServer]:
    """A server of its own, whose connections need a password."""
    del postgresql  # skips or fails without PostgreSQL
    with PostgresqlServer(password=PASSWORD) as server:
        prepare(server)
        yield server


@pytest.fixture(scope="module")
def proxy(server: PostgresqlServer) -> Iterator[FaultProxy]:
    """The way to the server."""
    with FaultProxy(server.port) as proxy:
        yield proxy


@pytest.fixture(scope="module")
def process(proxy: FaultProxy) -> Iterator[ServiceProcess]:
    """The service. It lives through every failure: none needs a restart."""
    process = ServiceProcess([PROGRAM], {**LIMITS, "DATABASE_URL": url(proxy.port)})
    try:
        yield process.started()
    finally:
        process.close()


@pytest.fixture
async def ledger(server: PostgresqlServer, proxy: FaultProxy, process: ServiceProcess) -> AsyncIterator[Ledger]:
    """The service, which works and has one row."""
    async with httpx2.AsyncClient(base_url=process.url, timeout=TIMEOUT_SECONDS) as client:
        ledger = Ledger(server, proxy, process, client)
        if (await ledger.read()).status_code != OK:
            assert (await client.post("/entries", json={"name": "first"})).status_code == CREATED
        await ledger.becomes("pass")
        yield ledger


async def _timed(request: Callable[[], "asyncio.Future[httpx2.Response]"]) -> httpx2.Response:
    began = time.monotonic()
    response = await request()
    assert time.monotonic() - began < ANSWER_SECONDS
    return response


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.outage.__name__)
async def test_a_failure_is_answered_and_survived(ledger: Ledger, row: Row) -> None:
    """Clients get 503, the instance stays ready, and it recovers without a restart, with every row that it confirmed."""
    async with row.outage(ledger):
        for _ in range(ROUNDS):
            _expect(await _timed(ledger.read), row.read)
            _expect(await _timed(ledger.write), row.write)
            assert (await ledger.probe("/health/ready")).status_code == OK
        if row.check:
            await ledger.becomes(row.check)

    assert await ledger.recovered() < RECOVERY_SECONDS
    await ledger.becomes("pass", RECOVERY_SECONDS)
    assert [ledger.times(name) for name in ledger.acknowledged] == [1] * len(ledger.acknowledged)
    assert max([0, *(ledger.times(name) for name in ledger.refused)]) <= 1
    assert await ledger.connections_in_use() == 0


def _expect(response: httpx2.Response, status: int) -> None:
    """The status, or either success or 503; 503 is a problem document that says when to try again."""
    assert response.status_code in ({status} if status != EITHER else {OK, CREATED, UNAVAILABLE}), response.text
    if response.status_code == UNAVAILABLE:
        assert response.headers["content-type"] == "application/problem+json"
        assert int(response.headers["retry-after"]) > 0
