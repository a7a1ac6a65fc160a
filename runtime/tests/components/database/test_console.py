"""The section of the database on the development console."""

import json
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, text

from firstlight.components.database import DATABASE, Read
from firstlight.components.database.request_statements import observed

from .databases import ACCOUNTS, opened

pytestmark = pytest.mark.anyio

OWNERS = Read(select(ACCOUNTS.c.name))


def rows(content: Mapping[str, Any], title: str) -> list[dict[str, Any]]:
    """The rows of a table, by the names of its columns."""
    (table,) = (each for each in content["tables"] if each["title"] == title)
    return [dict(zip(table["columns"], row, strict=True)) for row in table["rows"]]


async def test_pools_slow_statements_and_statements_of_requests(tmp_path: Path) -> None:
    """Read in another thread, as the console does. Parameters of statements are not shown."""
    assert DATABASE.console is not None
    async with opened(f"sqlite:///{tmp_path}/test.sqlite3", slow_seconds=1e-9) as database:

        async def request(*_: object) -> None:
            await database.read(OWNERS)
            async with database.transaction() as session:
                await session.execute(text("SELECT count(*) FROM accounts WHERE name = :name"), {"name": "hunter2"})

        await observed(request, None)({"type": "http"}, None, None)  # type: ignore[arg-type]
        section, read = DATABASE.console(database), list[Mapping[str, Any]]()
        thread = threading.Thread(target=lambda: read.append(section.read()))
        thread.start()
        thread.join()

    (content,) = read
    (pool,) = rows(content, "Pools")
    slow = rows(content, "Slow statements")
    counted = [
        each for each in rows(content, "Statements") if each["table"] == "accounts" and each["operation"] == "SELECT"
    ]
    assert section.title == "Database"
    assert (content["values"]["system"], content["values"]["slow_seconds"]) == ("sqlite", 1e-9)
    assert (pool["server"], pool["used"], pool["waiting"], pool["size"]) == ("primary", 0, 0, 10)
    assert slow[0]["statement"].startswith("SELECT count(*) FROM accounts")
    assert [each["time"] for each in slow] == sorted((each["time"] for each in slow), reverse=True)
    assert sum(each["count"] for each in counted) >= 2
    assert rows(content, "Statements of a request")[-1]["requests"] >= 1
    assert "hunter2" not in json.dumps(content)
