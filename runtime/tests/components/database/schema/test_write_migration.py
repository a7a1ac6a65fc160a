"""`migration` writes the file that the tables need."""

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import (
    Boolean,
    Column,
    DateTime,
    Enum,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    TypeDecorator,
    false,
    func,
    text,
    true,
)
from structlog.typing import EventDict

from firstlight import UsageError
from firstlight.components.database.full_text import document
from firstlight.components.database.schema import Schema, SchemaError, migrate, wanted_in, write_migration
from firstlight.components.database.schema.changes import missing_operations, sentences

from .schemas import ADD, CREATE, links, opened, owned, rows, schema

SECOND = '''"""Add owner."""

import sqlalchemy as sa
from alembic import op

revision = "v0002_add_owner"
down_revision = "v0001_create_links"


def upgrade() -> None:
    """Add owner."""
    with op.batch_alter_table("links") as batch_op:
        batch_op.add_column(sa.Column("owner", sa.Text(), nullable=True))
'''


class UtcTime(TypeDecorator[object]):
    """A type of the service."""

    impl = DateTime(timezone=True)
    cache_ok = True


def test_writes_what_the_tables_have(tmp_path: Path, entries: list[EventDict]) -> None:
    """Numbered, named by its message, formatted. Then there is nothing to write."""
    folder = tmp_path / "migrations"
    write_migration(schema(folder, CREATE), "Add owner")

    assert (folder / "v0002_add_owner.py").read_text() == SECOND
    assert entries[-1]["event"] == "database.migration_written"
    assert entries[-1]["changes"] == ["add column links.owner"]
    with pytest.raises(UsageError, match="the migrations already make all tables as they are; change a table first"):
        write_migration(Schema("acme_links", folder, owned), "Add owner")


def test_what_it_writes_runs(url: str, tmp_path: Path) -> None:
    """From no table to three steps later, on SQLite and PostgreSQL. The files pass the checks of a service."""
    folder = tmp_path / "migrations"
    kinds = MetaData(naming_convention={"fk": "fk_%(table_name)s_%(column_0_name)s"})
    Table("kinds", kinds, Column("id", Integer, primary_key=True), Column("at", UtcTime, nullable=False))
    linked = links(Column("owner", Text, server_default="nobody", nullable=False))
    kind: Column[int] = Column("kind", ForeignKey("kinds.id"))
    Table("links", kinds, *(column._copy() for column in linked.tables["links"].columns), kind)  # noqa: SLF001 - no public one
    Index("ix_links_slug", kinds.tables["links"].c.slug, unique=True)
    stages = [links(), linked, kinds]
    for number, tables in enumerate(stages):
        write_migration(schema(folder, tables=tables), f'Stage "{number}"')

    async def run() -> list[tuple[object, ...]]:
        async with opened(url) as server:
            await migrate(server, schema(folder))
            await rows(server, "INSERT INTO links (slug) VALUES ('one')")
            return await rows(server, "SELECT slug, owner, kind FROM links")

    assert asyncio.run(run()) == [("one", "nobody", None)]
    assert "sa.DateTime(timezone=True)" in (folder / "v0003_stage_2.py").read_text()
    check = [sys.executable, "-m", "ruff", "check", "--isolated", "--line-length", "120", "--select", "ALL"]
    check += ["--ignore", "D203,D213,INP001,CPY", str(folder)]
    done = subprocess.run(check, capture_output=True, text=True, check=False)  # noqa: S603 - ruff
    assert done.stdout == "All checks passed!\n"


def test_the_name_fits_into_the_database(tmp_path: Path) -> None:
    """The column has 32 characters."""
    write_migration(schema(tmp_path / "migrations", CREATE), "Add the owner of a link; he may delete it later")

    assert (tmp_path / "migrations/v0002_add_the_owner_of_a_link_he.py").exists()


def test_the_differences_as_words(tmp_path: Path) -> None:
    """Each change names its table."""
    other = MetaData()
    columns = [Column("slug", Text, nullable=False, server_default=text("'x'")), Column("id", Text, primary_key=True)]
    table = Table("links", other, *columns)
    Index("ix_links_slug", table.c.slug)
    Table("kinds", other, Column("id", Integer, primary_key=True))

    found = list(sentences(missing_operations(schema(tmp_path / "migrations", CREATE, ADD, tables=other))))
    assert sorted(found) == [
        "add index ix_links_slug of links",
        "add table kinds",
        "change links.id: its type",
        "change links.slug: its default in the database",
        "change links.slug: whether it may be null",
        "drop column links.owner",
    ]


def test_what_only_postgresql_has_is_no_difference(tmp_path: Path) -> None:
    """An index that SQLite does not get."""
    tables = owned()
    only = Index("ix_links_search", tables.tables["links"].c.slug, postgresql_using="hash")
    only.ddl_if(dialect="postgresql")

    assert missing_operations(schema(tmp_path / "migrations", CREATE, ADD, tables=tables)).is_empty()


def test_needs_migrations_that_run(tmp_path: Path) -> None:
    """The sentence names the one that fails."""
    with pytest.raises(SchemaError, match="the migration v0002_add_owner fails on an empty SQLite database: no such"):
        write_migration(schema(tmp_path / "migrations", CREATE, 'op.execute("SELECT * FROM missing_table")'), "more")


def test_needs_a_message() -> None:
    """The file is named by it."""
    assert wanted_in(["add", "owner"]) == ("add owner", False)
    assert wanted_in(["--empty", "fill owner"]) == ("fill owner", True)
    for wrong in ([], [" "], ["-"], ["--empty"]):
        with pytest.raises(UsageError, match="migration needs what it does, in a few words"):
            wanted_in(wrong)


def test_writes_an_empty_one(tmp_path: Path, entries: list[EventDict]) -> None:
    """For a change of data, or an index that only PostgreSQL has. It runs as it is."""
    folder = tmp_path / "migrations"
    write_migration(schema(folder, CREATE, ADD), "Fill owner", empty=True)

    assert (folder / "v0003_fill_owner.py").read_text().endswith('def upgrade() -> None:\n    """Fill owner."""\n')
    assert entries[-1]["changes"] == []
    assert missing_operations(schema(folder)).is_empty()


@pytest.mark.parametrize(
    ("column", "written"),
    [
        (Column("owner", Text, server_default="", nullable=False), "server_default=''"),
        (Column("owner", Text, server_default="it's (a)\n", nullable=False), "server_default="),
        (Column("paid", Boolean, server_default=false(), nullable=False), "server_default=sa.false()"),
        (Column("paid", Boolean, server_default=true(), nullable=False), "server_default=sa.true()"),
        (Column("at", DateTime, server_default=func.now(), nullable=False), "server_default=sa.func.now()"),
        (Column("at", DateTime, server_default=text("CURRENT_TIMESTAMP"), nullable=False), "CURRENT_TIMESTAMP"),
        (Column("kind", Enum("a", "b", native_enum=False, length=9), server_default="a"), "server_default='a'"),
    ],
)
def test_a_default_is_the_same_on_both_systems(url: str, tmp_path: Path, column: Column[str], written: str) -> None:
    """The migration runs on each, and there is no difference afterwards."""
    made = schema(tmp_path / "migrations", tables=links(column._copy()))  # noqa: SLF001 - no public one
    write_migration(made, "links")
    migration = (tmp_path / "migrations/v0001_links.py").read_text()
    assert written in migration.replace('"', "'")
    again = schema(tmp_path / "migrations", tables=links(column._copy()))  # noqa: SLF001 - no public one
    assert missing_operations(again).is_empty()

    async def run() -> None:
        async with opened(url) as server:
            await migrate(server, again)
            await rows(server, "INSERT INTO links (slug) VALUES ('one')")

    asyncio.run(run())


def test_a_new_table_gets_what_only_postgresql_has(
    postgresql_url: str, tmp_path: Path, entries: list[EventDict]
) -> None:
    """Such as the index of its words; without it, a search reads the whole table."""
    tables = owned()
    words = Index("ix_links_words", document(tables.tables["links"].c.slug), postgresql_using="gin")
    words.ddl_if(dialect="postgresql")
    made = schema(tmp_path / "migrations", tables=tables)
    write_migration(made, "links")

    assert "add index ix_links_words of links" in entries[-1]["changes"]
    assert missing_operations(schema(tmp_path / "migrations", tables=tables)).is_empty()

    async def run() -> list[tuple[object, ...]]:
        async with opened(postgresql_url) as server:
            await migrate(server, schema(tmp_path / "migrations"))
            return await rows(server, "SELECT indexdef FROM pg_indexes WHERE indexname = 'ix_links_words'")

    ((definition,),) = asyncio.run(run())
    assert "USING gin (to_tsvector('simple'::regconfig, slug))" in str(definition)
