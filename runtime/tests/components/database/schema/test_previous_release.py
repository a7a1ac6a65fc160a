"""The previous release runs on the schema of the next one, before, during and after its migration."""

import asyncio
from pathlib import Path

from sqlalchemy import Column, Integer, MetaData, Table, Text, bindparam, func, insert, select

from firstlight.components.database.schema import Schema, migrate, verify_schema
from firstlight.components.database.servers import Server

from .schemas import CREATE, opened, schema

EXPAND = 'op.add_column("links", sa.Column("owner", sa.Text, nullable=False, server_default="nobody"))'


class Release:
    """One release: its tables, its migrations, and what it does with them."""

    def __init__(self, schema: Schema, metadata: MetaData) -> None:
        """The statements are made once, as those of a service."""
        table = metadata.tables["links"]
        self.schema = schema
        self._insert = insert(table)
        self._read = select(table).where(table.c.slug == bindparam("slug"))
        self._count = select(func.count()).select_from(table)

    async def serve(self, server: Server, slug: str, **values: str) -> dict[str, object]:
        """Write a link and read it."""
        async with server.engine.begin() as connection:
            await connection.execute(self._insert, {"slug": slug, **values})
        async with server.engine.connect() as connection:
            row = (await connection.execute(self._read, {"slug": slug})).one()
            return dict(row._mapping)  # noqa: SLF001 - the public name in SQLAlchemy

    async def count(self, server: Server) -> int:
        """The number of links."""
        async with server.engine.connect() as connection:
            return int(await connection.scalar(self._count) or 0)


def _tables(*more: Column[str]) -> MetaData:
    metadata = MetaData()
    Table("links", metadata, Column("id", Integer, primary_key=True), Column("slug", Text), *more)
    return metadata


def test_the_previous_release_runs_on_the_new_schema(postgresql_url: str, tmp_path: Path) -> None:
    """Both releases write and read at once, on connections that were open before the migration, and on new ones."""
    old = Release(schema(tmp_path / "old", CREATE), _tables())
    new_tables = _tables(Column("owner", Text, nullable=False, server_default="nobody"))
    new = Release(schema(tmp_path / "new", CREATE, EXPAND), new_tables)

    async def run() -> tuple[dict[str, object], dict[str, object], dict[str, object], int]:
        async with opened(postgresql_url) as one, opened(postgresql_url) as two:
            await migrate(one, old.schema)
            await old.serve(one, "before")
            stop = asyncio.Event()

            async def traffic() -> int:
                served = 0
                while not stop.is_set():
                    await old.serve(one, f"during-{served}")
                    served += 1
                return served

            serving = asyncio.ensure_future(traffic())
            await migrate(two, new.schema)
            while await old.count(two) < 5:  # noqa: ASYNC110 - the old release serves beside it
                await asyncio.sleep(0)
            stop.set()
            served = await serving
            await verify_schema(one.engine, old.schema)
            by_new = await new.serve(two, "new", owner="me")
            return await old.serve(one, "after"), by_new, await new.serve(two, "both"), served

    after, by_new, both, served = asyncio.run(run())
    assert served > 0
    assert set(after) == {"id", "slug"}
    assert (by_new["owner"], both["owner"]) == ("me", "nobody")
