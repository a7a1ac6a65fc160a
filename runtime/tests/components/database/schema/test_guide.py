"""The code in the guide about migrations runs, and is what the commands and checks of a service say."""

import asyncio
import re
from pathlib import Path
from textwrap import dedent, indent
from typing import Any

from sqlalchemy import Column, Enum, Table
from sqlalchemy.dialects.postgresql import ENUM

from firstlight.components.database.schema import Schema, migrate, write_migration
from firstlight.components.database.schema.changes import missing_operations
from firstlight.components.database.schema.contract_steps import findings
from firstlight.components.database.schema.report import enumerations

from .schemas import CREATE, FIRST, SECOND, links, opened, owned, rows, schema, write

GUIDE = Path(__file__).parents[5] / "docs/guides/migrations.md"
CONTRACT = Path(__file__).parents[4] / "src/firstlight/contract/database.toml"
TEXT = GUIDE.read_text("utf-8")
ADDED, KIND, TYPE, VALUE, DROPPED, INDEXED = (
    dedent(block) for block in re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
)
NOTE = 'op.add_column("links", sa.Column("note", sa.Text))'


def test_the_migration_is_what_the_command_writes(tmp_path: Path) -> None:
    """To the letter."""
    write_migration(schema(tmp_path / "migrations", CREATE), "Add owner")

    assert (tmp_path / f"migrations/{SECOND}.py").read_text("utf-8") == ADDED


def test_the_steps_run(postgresql_url: str, tmp_path: Path) -> None:
    """The column is added, the other one dropped, and the index built."""
    folder = tmp_path / "migrations"
    write(folder, FIRST, None, f"{CREATE}; {NOTE}")
    (folder / f"{SECOND}.py").write_text(ADDED, "utf-8")
    write(folder, "v0003_drop", SECOND, indent(DROPPED, "    ").strip())
    write(folder, "v0004_index", "v0003_drop", indent(INDEXED, "    ").strip())

    async def run() -> list[tuple[object, ...]]:
        async with opened(postgresql_url) as server:
            await migrate(server, Schema("acme_links", folder, owned))
            return await rows(server, "SELECT id, slug, owner FROM links")

    assert asyncio.run(run()) == []


def test_an_enumeration_by_hand(url: str, tmp_path: Path) -> None:
    """The column is added to a table that exists, and a later value can be used. The checks have nothing to say."""
    declared: dict[str, Any] = {"Enum": Enum, "ENUM": ENUM}
    exec(KIND, declared)  # noqa: S102 - the guide's
    tables, folder = links(Column("kind", declared["kind"])), tmp_path / "migrations"
    other = ENUM("a", name="other")  # the type of a new table is made with it
    Table("kinds", tables, Column("kind", Enum("a", native_enum=False, length=40).with_variant(other, "postgresql")))
    write_migration(schema(folder, CREATE, tables=tables), "Add owner")
    file = folder / f"{SECOND}.py"
    with_type = file.read_text("utf-8").replace("    with op.batch", indent(TYPE, "    ") + "\n    with op.batch", 1)
    file.write_text(with_type, "utf-8")
    write(folder, "v0003_value", SECOND, indent(VALUE, "    ").strip())
    made = Schema("acme_links", folder, lambda: tables)

    async def run() -> list[tuple[object, ...]]:
        async with opened(url) as server:
            await migrate(server, made)
            await rows(server, "INSERT INTO links (kind) VALUES ('c')")
            return await rows(server, "SELECT kind FROM links")

    assert asyncio.run(run()) == [("c",)]
    assert missing_operations(made).is_empty()
    assert [list(findings(each.file.read_text("utf-8"))) for each in made.revisions.ordered] == [[], [], []]
    assert list(enumerations(tables)) == []


def test_the_comment_is_the_one_that_the_check_reads() -> None:
    """Without it, the step is refused."""
    assert list(findings(DROPPED)) == []
    assert [done for _, done in findings(DROPPED.partition("\n")[2])] == ["drops a column"]


def test_each_event_is_in_the_contract() -> None:
    """The table has no other."""
    events = re.findall(r"^\| `(database\.\w+)` \|", TEXT, re.MULTILINE)
    contract = CONTRACT.read_text("utf-8")

    assert len(events) > 1
    assert [event for event in events if f'"{event}"' not in contract] == []
