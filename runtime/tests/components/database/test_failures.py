"""Each failure of the README, driven: what clients get, what the health says, and how the service recovers."""

import asyncio
import time
import tomllib
from collections.abc import AsyncIterator, Callable, Iterator
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
ANSWER_SECONDS = 3.0  # for one answer: connecting, waiting, a statement and its grace, and once more
RECOVERY_SECONDS = 2.0
ROUNDS = 2  # requests of each kind during a failure


@dataclass(frozen=True)
class Row:
    """A failure: its line in the README, and what happens."""

    name: str
    outage: outages.Outage
    line: str
    """`what` of the manifest."""
    read: int
    write: int
    check: str


AWAY = "the database is down, or cannot be reached"
HANGS = "the database hangs, or answers too late"
CHANGES = "the database comes and goes"
REFUSES = "the database refuses the service: another password, no connection left, no such database"
POOL = "all connections of the pool are in use"
WRITES = "the database is read-only or full"
LOCKS = "a statement waits too long for a lock"
OK, CREATED, UNAVAILABLE, EITHER = 200, 201, 503, 0

ROWS = [
    Row("crashed", outages.CRASHED, AWAY, UNAVAILABLE, UNAVAILABLE, "fail"),
    Row("stopped", outages.STOPPED, AWAY, UNAVAILABLE, UNAVAILABLE, "fail"),
    Row("unreachable", outages.UNREACHABLE, AWAY, UNAVAILABLE, UNAVAILABLE, "fail"),
    Row("hanging", outages.HANGING, HANGS, UNAVAILABLE, UNAVAILABLE, "fail"),
    Row("too slow", outages.TOO_SLOW, HANGS, UNAVAILABLE, UNAVAILABLE, "fail"),
    Row("slow", outages.SLOW, HANGS, OK, CREATED, "pass"),
    Row("flapping", outages.FLAPPING, CHANGES, EITHER, EITHER, ""),
    Row("sessions ended", outages.SESSIONS_ENDED, CHANGES, OK, CREATED, "pass"),
    Row("wrong password", outages.WRONG_PASSWORD, REFUSES, UNAVAILABLE, UNAVAILABLE, "fail"),
    Row("no connection left", outages.NO_CONNECTION_LEFT, REFUSES, UNAVAILABLE, UNAVAILABLE, "fail"),
    Row("closed", outages.CLOSED, REFUSES, UNAVAILABLE, UNAVAILABLE, "fail"),
    Row("dropped", outages.dropped, REFUSES, UNAVAILABLE, UNAVAILABLE, "fail"),
    Row("pool exhausted", outages.pool_exhausted, POOL, UNAVAILABLE, UNAVAILABLE, "fail"),
    Row("read-only", outages.READ_ONLY, WRITES, OK, UNAVAILABLE, "pass"),
    Row("full", outages.FULL, WRITES, OK, UNAVAILABLE, "pass"),
    Row("locked", outages.locked("ACCESS EXCLUSIVE"), LOCKS, UNAVAILABLE, UNAVAILABLE, "pass"),
    Row("locked for writers", outages.locked("SHARE"), LOCKS, OK, UNAVAILABLE, "pass"),
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


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
async def test_a_failure_is_answered_and_survived(ledger: Ledger, row: Row) -> None:
    """Clients get 503, the instance stays ready, and it recovers without a restart, with every row that it confirmed."""
    async with row.outage(ledger):
        for _ in range(ROUNDS):
            began = time.monotonic()
            answers = await asyncio.gather(ledger.read(), ledger.write(), ledger.probe("/health/ready"))
            assert time.monotonic() - began < ANSWER_SECONDS
            for answer, status in zip(answers, (row.read, row.write, OK), strict=True):
                _expect(answer, status)
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
