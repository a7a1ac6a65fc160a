"""The code in the guide about migrations runs, and is what the commands and checks of a service say."""

import asyncio
import re
from pathlib import Path
from textwrap import dedent, indent

from firstlight.components.database.schema import Schema, migrate, write_migration
from firstlight.components.database.schema.contract_steps import findings

from .schemas import CREATE, FIRST, SECOND, opened, owned, rows, schema, write

GUIDE = Path(__file__).parents[5] / "docs/guides/migrations.md"
CONTRACT = Path(__file__).parents[4] / "src/firstlight/contract/database.toml"
TEXT = GUIDE.read_text("utf-8")
ADDED, DROPPED, INDEXED = (dedent(block) for block in re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL))
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
