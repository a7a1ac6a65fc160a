"""A migration that expands the schema runs while a service answers: no request fails."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2
import pytest
from sqlalchemy import MetaData

from firstlight.components.database.schema import Schema, migrate
from firstlight.testing.postgresql import PostgresqlServer
from firstlight.testing.process import TIMEOUT_SECONDS, ServiceProcess

from ...fault_proxy import FaultProxy
from .databases import opened
from .ledger import DATABASE, PROGRAM, Ledger, until, url

pytestmark = pytest.mark.anyio

CLIENTS = 4
STATEMENT_SECONDS = 0.1
MIGRATION = '''"""Add a note, after a statement that takes longer than those of a request may."""

import sqlalchemy as sa
from alembic import op

revision = "v0001_add_note"
down_revision = None


def upgrade() -> None:
    """Add a note."""
    op.execute("SELECT pg_sleep(0.7)")
    op.add_column("entries", sa.Column("note", sa.Text, nullable=True))
'''


@pytest.fixture
def schema(tmp_path: Path) -> Schema:
    """One migration."""
    (tmp_path / "v0001_add_note.py").write_text(MIGRATION)
    return Schema("ledger", tmp_path, MetaData)


@pytest.fixture
async def ledger(ledger_server: PostgresqlServer) -> AsyncIterator[Ledger]:
    """The service of the release before."""
    with FaultProxy(ledger_server.port) as proxy:
        process = ServiceProcess([PROGRAM], {"DATABASE_URL": url(ledger_server.port)})
        try:
            async with httpx2.AsyncClient(base_url=process.started().url, timeout=TIMEOUT_SECONDS) as client:
                yield Ledger(ledger_server, proxy, process, client)
        finally:
            process.close()


@asynccontextmanager
async def loaded(ledger: Ledger) -> AsyncIterator[list[int]]:
    """Clients write and read all the time. Yields the statuses of the responses so far."""
    statuses: list[int] = []
    ended = asyncio.Event()

    async def ask() -> None:
        while not ended.is_set():
            written = await ledger.write()
            read = await ledger.read(ledger.acknowledged[-1])
            statuses.extend((written.status_code, read.status_code))

    async with asyncio.TaskGroup() as group:
        for _ in range(CLIENTS):
            group.create_task(ask())
        yield statuses
        ended.set()


async def test_no_request_fails_while_a_column_is_added(ledger: Ledger, schema: Schema) -> None:
    """The migration waits for a transaction that has read the table, and all requests wait for the migration."""
    async with (
        loaded(ledger) as statuses,
        opened(url(ledger.server.port), statement_seconds=STATEMENT_SECONDS) as database,
        ledger.session() as reader,
        ledger.session() as other,
    ):
        async with reader.transaction():
            await reader.fetchval("SELECT count(*) FROM entries")
            migrating = asyncio.create_task(migrate(database.primary, schema))
            await until(other, "SELECT count(*) FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND NOT granted")
            await until(other, "SELECT count(*) > 1 FROM pg_locks WHERE NOT granted")  # a request waits behind it
        await migrating
        before = len(statuses)
        while len(statuses) < before + 10 * CLIENTS:  # noqa: ASYNC110 - of many clients
            await asyncio.sleep(0.01)

    assert set(statuses) == {200, 201}
    assert ledger.all_written_once()
    assert ledger.server.sql("SELECT note FROM entries LIMIT 1", DATABASE) == ""
