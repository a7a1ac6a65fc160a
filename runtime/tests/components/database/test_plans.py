"""Plans of slow statements are logged where `DATABASE_SLOW_PLANS` is on, without the values of parameters."""

import asyncio
import re
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from sqlalchemy import insert, text

from firstlight.components.database import Database

from .databases import ACCOUNTS, BALANCE, capture_logs, opened

pytestmark = pytest.mark.anyio

Lines = Sequence[Mapping[str, Any]]


async def _explained(database: Database, lines: Lines) -> list[Mapping[str, Any]]:
    """The events about plans, when the question in progress has been answered."""
    tasks = [task for task in asyncio.all_tasks() if task.get_name() == "database plan"]
    if tasks:
        await asyncio.wait(tasks)
    assert database.primary.pool.checkedout() == 0
    return [line for line in lines if line["event"] in {"database.statement_explained", "database.plan_failed"}]


async def test_the_plan_of_a_slow_statement_is_logged(url: str) -> None:
    """The plan has the name of the table, and not the value of the parameter."""
    async with opened(url, slow_seconds=1e-9, slow_plans=True) as database:
        await _explained(database, [])
        with capture_logs() as lines:
            await database.read(BALANCE, name="alice")
            (line,) = await _explained(database, lines)

    assert re.search("accounts", "\n".join(line["plan"]))
    assert "alice" not in str(line)


async def test_a_write_is_explained_and_not_executed(url: str) -> None:
    """The row that the statement has inserted is the only one."""
    async with opened(url, slow_seconds=1e-9, slow_plans=True) as database:
        await _explained(database, [])
        with capture_logs() as lines:
            async with database.transaction() as session:
                await session.execute(insert(ACCOUNTS).values(name="alice", balance=1))
            (line,) = await _explained(database, lines)
        assert line["event"] == "database.statement_explained"
        async with database.primary.engine.connect() as connection:
            assert (await connection.execute(text("SELECT count(*) FROM accounts"))).scalar() == 1


async def test_no_plan_is_asked_for_by_default(url: str) -> None:
    """The event about the slow statement is the only one."""
    async with opened(url, slow_seconds=1e-9) as database:
        with capture_logs() as lines:
            await database.read(BALANCE, name="alice")
            assert await _explained(database, lines) == []

    assert "database.slow_statement_finished" in [line["event"] for line in lines]
