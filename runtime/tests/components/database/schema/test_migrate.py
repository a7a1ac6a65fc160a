"""`migrate`: one transaction and one event for each revision, one process at a time, no half state after a failure."""

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from structlog.typing import EventDict

from firstlight import UsageError
from firstlight.components.database.schema import SchemaError, migrate, target_in
from firstlight.components.database.schema.connections import Limits, migrating
from firstlight.components.database.schema.migrate import Target

from .schemas import ADD, CREATE, FIRST, SECOND, opened, rows, schema

VERSIONS = "SELECT version_num FROM alembic_version"
BROKEN = 'op.add_column("links", sa.Column("owner", sa.Text)); op.execute("SELECT * FROM missing_table")'


def _events(entries: list[EventDict]) -> list[tuple[object, object]]:
    return [(line["event"], line.get("revision")) for line in entries if str(line["event"])[:9] == "database."]


def test_applies_what_is_missing(url: str, tmp_path: Path, entries: list[EventDict]) -> None:
    """One event for each revision, then one that says where the schema is. A second time there is nothing to do."""

    async def run() -> list[tuple[object, ...]]:
        async with opened(url) as server:
            made = schema(tmp_path / "migrations", CREATE, ADD)
            await migrate(server, made, FIRST)
            await migrate(server, made)
            await migrate(server, made)
            await rows(server, "INSERT INTO links (slug, owner) VALUES ('one', 'me')")
            return await rows(server, VERSIONS)

    assert asyncio.run(run()) == [(SECOND,)]
    done, head = "database.migration_applied", "database.schema_up_to_date"
    assert _events(entries) == [(done, FIRST), (head, FIRST), (done, SECOND), (head, SECOND), (head, SECOND)]


def test_four_at_once(postgresql_url: str, tmp_path: Path, entries: list[EventDict]) -> None:
    """Each revision is applied once, and all four succeed."""

    async def run() -> list[tuple[object, ...]]:
        async with AsyncExitStack() as stack:
            servers = [await stack.enter_async_context(opened(postgresql_url)) for _ in range(4)]
            made = schema(tmp_path / "migrations", CREATE, ADD)
            await asyncio.gather(*(migrate(server, made) for server in servers))
            return await rows(servers[0], VERSIONS)

    assert asyncio.run(run()) == [(SECOND,)]
    events = [event for event, _ in _events(entries)]
    assert events.count("database.migration_applied") == 2
    assert events.count("database.schema_up_to_date") == 4


def test_a_failure_leaves_the_schema_as_before(url: str, tmp_path: Path, entries: list[EventDict]) -> None:
    """Also what the failed migration had done before it failed. The migration before it stays."""

    async def run() -> list[tuple[object, ...]]:
        async with opened(url) as server:
            with pytest.raises(SchemaError, match=f"the migration {SECOND} failed, and the schema is as before it: "):
                await migrate(server, schema(tmp_path / "migrations", CREATE, BROKEN))
            with pytest.raises(DBAPIError, match="owner"):
                await rows(server, "SELECT owner FROM links")
            found = await rows(server, VERSIONS)
            await migrate(server, schema(tmp_path / "corrected", CREATE, ADD))
            return [*found, *await rows(server, VERSIONS)]

    assert asyncio.run(run()) == [(FIRST,), (SECOND,)]
    failed = next(line for line in entries if line["event"] == "database.migration_failed")
    kind = "42P01" if url.startswith("postgresql") else "SQLITE_ERROR"
    assert (failed["revision"], failed["error_type"]) == (SECOND, kind)
    assert "missing_table" in str(failed["reason"])


def test_a_newer_schema_is_left_as_it_is(url: str, tmp_path: Path, entries: list[EventDict]) -> None:
    """The previous release is deployed again, and runs its `migrate`."""

    async def run() -> list[tuple[object, ...]]:
        async with opened(url) as server:
            await migrate(server, schema(tmp_path / "newer", CREATE, ADD))
            await migrate(server, schema(tmp_path / "older", CREATE))
            return await rows(server, VERSIONS)

    assert asyncio.run(run()) == [(SECOND,)]
    assert _events(entries)[-1] == ("database.schema_ahead", SECOND)


def test_a_busy_table_is_not_waited_for(postgresql_url: str, tmp_path: Path, entries: list[EventDict]) -> None:
    """What reads the table after the migration would wait for it as well."""

    async def run() -> None:
        async with opened(postgresql_url) as server:
            made = schema(tmp_path / "migrations", CREATE, ADD)
            await migrate(server, made, FIRST)
            async with server.engine.begin() as reader:
                await reader.execute(text("SELECT * FROM links"))
                with pytest.raises(SchemaError, match="was in use for too long"):
                    await migrate(server, made, limits=Limits(table_seconds=0.1))
            await migrate(server, made)

    asyncio.run(run())
    assert _events(entries)[-1] == ("database.schema_up_to_date", SECOND)


def test_waits_its_turn_for_a_limited_time(postgresql_url: str, tmp_path: Path, entries: list[EventDict]) -> None:
    """Somebody else holds the lock."""

    async def run() -> None:
        async with opened(postgresql_url) as server, migrating(server, Limits()):
            with pytest.raises(SchemaError, match=r"another migration has been running for more than 0.2 s") as caught:
                async with migrating(server, Limits(turn_seconds=0.2)):
                    pass
            assert caught.value.__cause__ is None  # so the command shows the sentence alone

    assert not (tmp_path / "migrations").exists()
    asyncio.run(run())
    assert _events(entries) == [("database.migration_awaited", None)]


def test_statements_may_take_long(postgresql_url: str) -> None:
    """The limits of requests do not hold, neither in the driver nor in the server."""

    async def run() -> list[object]:
        async with opened(postgresql_url) as server, migrating(server, Limits()) as connection:
            raw = await connection.get_raw_connection()
            driver = raw.driver_connection
            assert driver is not None
            return [await connection.scalar(text("SHOW statement_timeout")), driver._config.command_timeout]  # noqa: SLF001 - nothing public tells

    assert asyncio.run(run()) == ["0", None]


def test_an_index_is_built_beside_traffic(postgresql_url: str, tmp_path: Path) -> None:
    """`CREATE INDEX CONCURRENTLY` runs outside a transaction, also while another process waits for its turn."""
    code = 'with op.get_context().autocommit_block():\n        op.create_index("ix", "links", ["slug"], '
    code += "postgresql_concurrently=True)"

    async def run() -> list[tuple[object, ...]]:
        async with opened(postgresql_url) as one, opened(postgresql_url) as two:
            made = schema(tmp_path / "migrations", CREATE, code)
            await asyncio.gather(migrate(one, made), migrate(two, made))
            return await rows(one, "SELECT indexname FROM pg_indexes WHERE indexname = 'ix'")

    assert asyncio.run(run()) == [("ix",)]


def test_arguments() -> None:
    """None, a revision, or only a database on this machine."""
    assert (target_in([]), target_in(["--to", FIRST])) == (Target(), Target(FIRST))
    assert target_in(["--local"]) == Target(local=True)
    for wrong in (["--to"], ["head"], ["--to", FIRST, "now"]):
        with pytest.raises(UsageError, match="migrate takes no arguments, --local, or --to and a revision, not"):
            target_in(wrong)
