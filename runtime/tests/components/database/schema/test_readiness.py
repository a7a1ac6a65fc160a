"""The start waits for the schema of the code, and accepts a newer one."""

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest
from structlog.typing import EventDict

from firstlight.components.database.schema import Schema, SchemaError, migrate, verify_schema

from .schemas import ADD, CREATE, FIRST, SECOND, opened, schema


def test_waits_until_the_schema_is_there(url: str, tmp_path: Path, entries: list[EventDict]) -> None:
    """One sentence names where the schema is, where it must be, and the command."""
    cure = "run `python -m acme_links migrate`"

    async def run() -> None:
        made = schema(tmp_path / "migrations", CREATE, ADD)
        async with opened(url) as server:
            with pytest.raises(SchemaError, match=f"the schema is empty and must be at {SECOND}: {cure}"):
                await verify_schema(server.engine, made)
            await migrate(server, made, FIRST)
            with pytest.raises(SchemaError, match=f"the schema is at {FIRST} and must be at {SECOND}: {cure}"):
                await verify_schema(server.engine, made)
            await migrate(server, made)
            await verify_schema(server.engine, made)

    asyncio.run(run())
    assert [entry for entry in entries if entry["event"] == "database.schema_ahead"] == []


def test_a_newer_schema_is_accepted(url: str, tmp_path: Path, entries: list[EventDict]) -> None:
    """With one event."""

    async def run() -> None:
        async with opened(url) as server:
            await migrate(server, schema(tmp_path / "newer", CREATE, ADD))
            await verify_schema(server.engine, schema(tmp_path / "older", CREATE))

    asyncio.run(run())
    ahead = [entry for entry in entries if entry["event"] == "database.schema_ahead"]
    assert [(entry["revision"], entry["expected"]) for entry in ahead] == [(SECOND, FIRST)]


def test_the_schema_of_a_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By convention. A package without the folder has none."""
    monkeypatch.syspath_prepend(tmp_path)
    package = tmp_path / "acme_parcels"
    package.mkdir()
    assert Schema.of("acme_parcels") is None
    assert Schema.of("") is None

    schema(package / "migrations", CREATE)
    (package / "migrations/__init__.py").touch()
    (package / "service.py").touch()
    (package / "tables.py").write_text("from sqlalchemy import MetaData\n\nMETADATA = MetaData()\n")
    found = Schema.of("acme_parcels")
    assert found is not None
    assert (found.revisions.heads, found.tables().tables) == ((FIRST,), {})


def test_a_process_that_serves_does_not_import_alembic() -> None:
    """It would start 0.3 s later."""
    program = "import sys; import firstlight.components.database; print('alembic' in sys.modules)"

    assert subprocess.check_output([sys.executable, "-c", program], text=True) == "False\n"  # noqa: S603 - this program
