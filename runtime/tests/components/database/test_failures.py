"""Each failure of the README, driven: what clients get, what the health says, and how the service recovers."""

import asyncio
import time
import tomllib
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest

from firstlight.components.database import DATABASE
from firstlight.management.health import CheckState
from firstlight.testing.postgresql import PostgresqlServer
from firstlight.testing.process import TIMEOUT_SECONDS, ServiceProcess

from ...conftest import FAULTS
from ...fault_proxy import FaultProxy
from ...ports import free_port
from . import outages
from .databases import opened
from .ledger import LIMITS, PROGRAM, Ledger, until, url

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
CHANGES = "the database comes and goes, or ends sessions"
REFUSES = "the database refuses the service: another password, no connection left, no such database"
POOL = "all connections of the pool are in use"
WRITES = "the database is read-only or full"
LOCKS = "a statement waits too long for a lock, or is a part of a deadlock"
AT_START = "the database is down at the start"
# Driven in other modules of this folder.
ELSEWHERE = {
    "a replica is down, does not answer, or is behind by more than `DATABASE_REPLICA_LAG_SECONDS`": "test_replicas.py",
    "the password of the database is replaced": "test_rotation.py",
    "the schema of the database is older than the service": "schema/test_readiness.py",
}
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
def proxy(ledger_server: PostgresqlServer) -> Iterator[FaultProxy]:
    """The way to the server."""
    with FaultProxy(ledger_server.port) as proxy:
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
async def ledger(ledger_server: PostgresqlServer, proxy: FaultProxy, process: ServiceProcess) -> AsyncIterator[Ledger]:
    """The service, which works and has one row."""
    async with httpx2.AsyncClient(base_url=process.url, timeout=TIMEOUT_SECONDS) as client:
        ledger = Ledger(ledger_server, proxy, process, client)
        if (await ledger.read()).status_code != OK:
            assert (await client.post("/entries", json={"name": "first"})).status_code == CREATED
        await ledger.becomes("pass")
        yield ledger


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
async def test_a_failure_is_answered_and_survived(ledger: Ledger, row: Row) -> None:
    """Clients get 503, the instance stays ready, it needs no restart, and every row that it confirmed is there."""
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
    await ledger.write_refused()
    assert ledger.all_written_once()
    assert await ledger.connections_in_use() == 0


def _expect(response: httpx2.Response, status: int) -> None:
    """The status, or either success or 503; 503 is a problem document that says when to try again."""
    assert response.status_code in ({status} if status != EITHER else {OK, CREATED, UNAVAILABLE}), response.text
    if response.status_code == UNAVAILABLE:
        assert response.headers["content-type"] == "application/problem+json"
        assert int(response.headers["retry-after"]) > 0


async def test_a_deadlock_is_answered_and_survived(ledger: Ledger) -> None:
    """The server ends the transaction of the service, which began to wait first; the other one goes on."""
    for name in ("source", "target"):
        assert (await ledger.client.post("/entries", json={"name": name})).status_code == CREATED
    async with ledger.session() as session, session.transaction():
        await session.execute("SET LOCAL deadlock_timeout = '1min'")
        await session.execute("UPDATE entries SET amount = 5 WHERE name = 'target'")
        moving = asyncio.create_task(ledger.client.post("/moves", json={"source": "source", "target": "target"}))
        async with ledger.session() as other:
            await until(other, "SELECT count(*) FROM pg_locks WHERE NOT granted")
        await session.execute("UPDATE entries SET amount = 5 WHERE name = 'source'")

    _expect(await moving, UNAVAILABLE)
    assert "database_deadlocks_total 1.0" in (await ledger.probe("/metrics")).text
    assert [(await ledger.read(name)).json()["amount"] for name in ("source", "target")] == [5, 5]
    assert await ledger.recovered() < RECOVERY_SECONDS
    assert await ledger.connections_in_use() == 0


async def test_the_start_waits_for_the_database(ledger_server: PostgresqlServer) -> None:
    """The instance is live and not started; it serves soon after the database answers."""
    port = free_port()
    with FaultProxy(ledger_server.port) as proxy:
        proxy.refuse()
        process = ServiceProcess([PROGRAM], {**LIMITS, "DATABASE_URL": url(proxy.port), "MANAGEMENT_PORT": str(port)})
        try:
            line = process.wait_for("startup.delayed")
            assert line["component"] == "database"
            place = f"postgresql://127.0.0.1:{proxy.port}"
            assert line["reason"].startswith(f"DatabaseUnavailableError: {place}")
            assert "does not answer: ConnectionRefusedError" in line["reason"]
            async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}/health/") as client:
                assert [(await client.get(name)).status_code for name in ("live", "ready", "startup")] == [
                    200,
                    503,
                    503,
                ]
                began = time.monotonic()
                proxy.restore()
                process.started()
                assert time.monotonic() - began < RECOVERY_SECONDS
                assert (await client.get("startup")).status_code == OK
            assert process.get("/entries/first").status_code in {OK, 404}
        finally:
            process.close()


async def test_the_check_notices_a_server_that_hangs(proxy: FaultProxy) -> None:
    """It fails within its own timeout, although statements may take longer, and keeps no connection."""
    async with opened(url(proxy.port), statement_seconds=60) as database:
        await database.ping()
        (check,) = DATABASE.checks(database)
        state = CheckState(check)
        proxy.hang()
        try:
            await state.refresh()
            assert (state.status, "TimeoutError" in state.output) == ("fail", True)
        finally:
            proxy.restore()
        await state.refresh()
        assert state.status == "pass"
        assert database.primary.pool.checkedout() == 0


def test_the_readme_has_these_failures() -> None:
    """Every line of the README is driven here, and every failure here has a line there."""
    manifest = tomllib.loads(MANIFEST.read_text())
    assert {failure["what"] for failure in manifest["failures"]} == {*(row.line for row in ROWS), AT_START, *ELSEWHERE}
    assert all((Path(__file__).parent / module).exists() for module in ELSEWHERE.values())
