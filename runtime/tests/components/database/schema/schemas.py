"""Schemas of made-up services: migrations in a temporary folder, and engines as the component makes them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from sqlalchemy import Column, Integer, MetaData, Table, Text

from firstlight.components.database.addresses import parse
from firstlight.components.database.schema import Schema
from firstlight.components.database.servers import Server
from firstlight.components.database.settings import DatabaseSettings

FIRST, SECOND = "v0001_create_links", "v0002_add_owner"
CREATE = 'op.create_table("links", sa.Column("id", sa.Integer, primary_key=True), sa.Column("slug", sa.Text))'
ADD = 'op.add_column("links", sa.Column("owner", sa.Text))'
TEXT = """import sqlalchemy as sa
from alembic import op

revision = "{name}"
down_revision = {parent!r}


def upgrade() -> None:
    {code}
"""


def links(*columns: Column[str]) -> MetaData:
    """The table `links` with more columns."""
    metadata = MetaData()
    Table("links", metadata, Column("id", Integer, primary_key=True), Column("slug", Text), *columns)
    return metadata


def owned() -> MetaData:
    """The table after both migrations."""
    return links(Column("owner", Text))


def write(folder: Path, name: str, parent: str | None, code: str) -> Path:
    """A migration in a folder."""
    folder.mkdir(exist_ok=True)
    file = folder / f"{name}.py"
    file.write_text(TEXT.format(name=name, parent=parent, code=code), "utf-8")
    return file


def schema(folder: Path, *codes: str, tables: MetaData | None = None) -> Schema:
    """A schema whose migrations run these lines, in order. The first two are FIRST and SECOND."""
    names = [FIRST, SECOND, *(f"v{number:04}_more" for number in range(3, len(codes) + 1))]
    for name, parent, code in zip(names, [None, *names], codes, strict=False):
        write(folder, name, parent, code)
    folder.mkdir(exist_ok=True)
    return Schema("acme_links", folder, lambda: tables or owned())


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[Server]:
    """The server that the component makes for a URL."""
    server = Server("primary", parse(url), DatabaseSettings(), "acme-links")
    try:
        yield server
    finally:
        await server.close()


async def rows(server: Server, statement: str) -> list[tuple[object, ...]]:
    """The rows of a statement, committed."""
    async with server.engine.begin() as connection:
        result = await connection.exec_driver_sql(statement)
        return [tuple(row) for row in result] if result.returns_rows else []
