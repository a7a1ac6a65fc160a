"""Defaults in the database: what `migration` writes runs on both systems, and then `make check` has nothing to say."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Boolean, Column, DateTime, Integer, Text, false, func, literal, text, true

from firstlight.components.database.schema import Schema, migrate, write_migration
from firstlight.components.database.schema.changes import missing_operations, sentences

from .schemas import CREATE, SECOND, links, opened, rows, schema

TEXTS = ("", "nobody", "it's", "(x)", "two\nlines", "5 %")
BOOLEANS: tuple[Any, ...] = (false(), true(), literal(value=True), text("false"))
VALUES = [False, True, True, False]


def columns() -> list[Column[str]]:
    """A column for each default."""
    texts = [Column(f"text_{n}", Text, server_default=value, nullable=False) for n, value in enumerate(TEXTS)]
    booleans = [Column(f"is_{n}", Boolean, server_default=value, nullable=False) for n, value in enumerate(BOOLEANS)]
    number = Column("number", Integer, server_default=text("5 % 3"), nullable=False)
    moment = Column("at", DateTime(timezone=True), server_default=func.now(), nullable=False)
    return [*texts, *booleans, number, moment]  # type: ignore[list-item]


def test_a_row_of_before_gets_them(url: str, tmp_path: Path) -> None:
    """Columns that expand a table with rows. Nothing is left to be changed after it."""
    tables, folder = links(*columns()), tmp_path / "migrations"
    write_migration(schema(folder, CREATE, tables=tables), "Add owner")
    made = Schema("acme_links", folder, lambda: tables)

    async def run() -> list[tuple[object, ...]]:
        async with opened(url) as server:
            await migrate(server, made, "v0001_create_links")
            await rows(server, "INSERT INTO links (slug) VALUES ('one')")
            await migrate(server, made)
            return await rows(server, "SELECT * FROM links")

    (row,) = asyncio.run(run())
    assert row[2:8] == TEXTS
    assert ([bool(value) for value in row[8:12]], row[12]) == (VALUES, 2)
    assert row[13] is not None
    assert list(sentences(missing_operations(made))) == []
    assert "sa.func.now()" in (folder / f"{SECOND}.py").read_text("utf-8")


@pytest.mark.parametrize("other", ["", "x", text("CURRENT_TIMESTAMP"), None])
def test_another_default_is_a_change(other: object, tmp_path: Path) -> None:
    """Also one that is no text, and one that goes."""
    tables = links(Column("owner", Text, server_default=other))  # type: ignore[arg-type]
    add = 'op.add_column("links", sa.Column("owner", sa.Text, server_default="nobody"))'

    found = list(sentences(missing_operations(schema(tmp_path / "migrations", CREATE, add, tables=tables))))
    assert found == ["change links.owner: its default in the database"]
