"""Instances and the server are killed while clients write: no confirmed row is lost, and none is written twice.

`LONG=1` kills a hundred times; otherwise each kind of kill happens to each instance once.
"""

import asyncio
import os
from collections.abc import Iterator

import httpx2
import pytest

from firstlight.testing.postgresql import PostgresqlServer
from firstlight.testing.process import TIMEOUT_SECONDS, ServiceProcess

from ...fault_proxy import FaultProxy
from ...ports import free_port
from .killing import KINDS, Killing
from .ledger import DATABASE, PASSWORD, POLL_SECONDS, PROGRAM, Ledger, prepare, url

pytestmark = pytest.mark.anyio

KILLS = 100 if os.environ.get("LONG") else 2 * len(KINDS)
SLOW_COMMIT = """
CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(0.3); RETURN NULL; END $$;
CREATE CONSTRAINT TRIGGER slow_commit AFTER INSERT ON entries DEFERRABLE INITIALLY DEFERRED
FOR EACH ROW EXECUTE FUNCTION wait();
"""


@pytest.fixture
def server(postgresql: PostgresqlServer) -> Iterator[PostgresqlServer]:
    """A server of its own: it gets killed."""
    del postgresql  # skips or fails without PostgreSQL
    with PostgresqlServer(password=PASSWORD) as server:
        prepare(server)
        yield server


async def test_no_confirmed_row_is_lost_and_none_is_written_twice(
    server: PostgresqlServer, record_property: pytest.FixtureRequest
) -> None:
    """Clients repeat each request under one key until it is confirmed, at any instance."""
    killing = Killing(server, [free_port(), free_port()])

    await killing.run(KILLS)

    rows = [row.split("|") for row in server.sql("SELECT name, number FROM entries", DATABASE).splitlines()]
    assert len(rows) == len({name for name, _ in rows})
    assert {name: int(number) for name, number in rows} == killing.confirmed
    assert killing.repeated >= KILLS / len(KINDS)
    name = next(iter(killing.confirmed))
    response = await killing.replayed(name)
    assert (response.json()["number"], response.headers["Idempotent-Replayed"]) == (killing.confirmed[name], "true")


async def test_a_commit_whose_answer_is_lost_is_no_second_row(server: PostgresqlServer) -> None:
    """The connection breaks between the commit and its answer: 503, and the repeated request gets the first response."""
    with FaultProxy(server.port) as proxy:
        process = ServiceProcess([PROGRAM], {"DATABASE_URL": url(proxy.port)})
        try:
            async with httpx2.AsyncClient(base_url=process.started().url, timeout=TIMEOUT_SECONDS) as client:
                ledger = Ledger(server, proxy, process, client)
                server.sql(SLOW_COMMIT, DATABASE)
                writing = asyncio.create_task(ledger.write("row"))
                async with ledger.session() as session, asyncio.timeout(TIMEOUT_SECONDS):
                    while not await session.fetchval("SELECT count(*) FROM pg_stat_activity WHERE query = 'COMMIT;'"):
                        await asyncio.sleep(POLL_SECONDS)
                    proxy.hang()
                    while not await session.fetchval("SELECT count(*) FROM entries"):
                        await asyncio.sleep(POLL_SECONDS)
                proxy.refuse()
                lost = await writing
                proxy.restore()
                replayed = await ledger.write("row")
        finally:
            process.close()

    assert lost.status_code == httpx2.codes.SERVICE_UNAVAILABLE
    assert (replayed.status_code, replayed.headers["Idempotent-Replayed"]) == (httpx2.codes.CREATED, "true")
    assert ledger.times() == {"row": 1}
