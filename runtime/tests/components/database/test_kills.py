"""Instances and the server are killed while clients write: no confirmed row is lost, and none is written twice.

`LONG=1` kills a hundred times, otherwise six times. `-rP` shows the figures.
"""

import asyncio
import os
import sys

import httpx2
import pytest

from firstlight.testing.postgresql import PostgresqlServer
from firstlight.testing.process import TIMEOUT_SECONDS, ServiceProcess

from ...fault_proxy import FaultProxy
from ...ports import free_port
from .killing import COMMITTED, EXECUTED, NAME, Killing
from .ledger import DATABASE, PROGRAM, Ledger, until, url

pytestmark = pytest.mark.anyio

KILLS = 100 if os.environ.get("LONG") else 6
SLOW_COMMIT = """
CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(0.5); RETURN NULL; END $$;
CREATE CONSTRAINT TRIGGER slow_commit AFTER INSERT ON entries DEFERRABLE INITIALLY DEFERRED
FOR EACH ROW EXECUTE FUNCTION wait();
"""


async def test_no_confirmed_row_is_lost_and_none_is_written_twice(ledger_server: PostgresqlServer) -> None:
    """Clients repeat each request under one key until it is confirmed, at any instance."""
    killing = Killing(ledger_server, [free_port(), free_port()])

    await killing.run(KILLS)

    found = ledger_server.sql(f"SELECT name, number FROM entries WHERE name LIKE '{NAME}-%'", DATABASE)  # noqa: S608
    rows = [row.split("|") for row in found.splitlines()]
    written = {name: int(number) for name, number in rows}
    lost, twice = len(killing.confirmed.keys() - written.keys()), len(rows) - len(written)
    sys.stdout.write(f"{killing.figures}, {lost} lost, {twice} written twice\n")
    assert len(rows) == len(written)
    assert written == killing.confirmed
    assert killing.replayed.items() <= killing.confirmed.items()
    assert killing.repeated >= killing.killed[COMMITTED] + killing.killed[EXECUTED]


async def test_a_commit_whose_answer_is_lost_is_no_second_row(ledger_server: PostgresqlServer) -> None:
    """The connection breaks between a commit and its answer: 503. The repeated request gets the first response."""
    with FaultProxy(ledger_server.port) as proxy:
        process = ServiceProcess([PROGRAM], {"DATABASE_URL": url(proxy.port)})
        try:
            async with httpx2.AsyncClient(base_url=process.started().url, timeout=TIMEOUT_SECONDS) as client:
                ledger = Ledger(ledger_server, proxy, process, client)
                ledger_server.sql(SLOW_COMMIT, DATABASE)
                writing = asyncio.create_task(ledger.write("row"))
                async with ledger.session() as session:
                    await until(
                        session, "SELECT count(*) FROM pg_stat_activity WHERE query = 'COMMIT;' AND state = 'active'"
                    )
                    proxy.hang()
                    await until(session, "SELECT count(*) FROM entries WHERE name = 'row'")
                proxy.refuse()
                lost = await writing
                proxy.restore()
                replayed = await ledger.write("row")
        finally:
            ledger_server.sql("DROP FUNCTION IF EXISTS wait CASCADE", DATABASE)
            process.close()

    assert lost.status_code == httpx2.codes.SERVICE_UNAVAILABLE
    assert (replayed.status_code, replayed.headers["Idempotent-Replayed"]) == (httpx2.codes.CREATED, "true")
    assert ledger.times()["row"] == 1
