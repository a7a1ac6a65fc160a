"""Plans of slow statements, without the values of their parameters: `DATABASE_SLOW_PLANS`."""

import asyncio
from typing import Any

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from ...context import UNOBSERVED
from ...logs.redaction import redact_text
from ...summary import summary
from .addresses import POSTGRESQL
from .statements import kind_of

log = structlog.get_logger()

EXPLAINED = frozenset({"SELECT", "INSERT", "UPDATE", "DELETE", "MERGE"})
LINES = 100  # of one plan
_NAME = "firstlight_plan"


class Plans:
    """Asks one server for the plan of a statement, beside the requests, one at a time."""

    def __init__(self, engine: AsyncEngine) -> None:
        """Ask over a connection of this engine."""
        self._engine = engine
        self._explain = _of_postgresql if engine.dialect.name == POSTGRESQL else _of_sqlite
        self._task: asyncio.Task[None] | None = None

    def ask(self, text: str) -> None:
        """Log the plan of a statement soon, unless one is being asked for. The statement is not executed."""
        if kind_of(text).operation in EXPLAINED and (self._task is None or self._task.done()):
            self._task = asyncio.get_running_loop().create_task(self._log(text), name="database plan")

    async def close(self) -> None:
        """End the question in progress."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _log(self, text: str) -> None:
        UNOBSERVED.set(True)
        try:
            async with self._engine.connect() as connection:
                driver: Any = (await connection.get_raw_connection()).driver_connection
                plan = await self._explain(driver, text)
        except Exception as error:  # noqa: BLE001 - of any driver; a plan is of use, and not needed
            log.warning("database.plan_failed", statement=text, reason=redact_text(summary(error)))
        else:
            log.info("database.statement_explained", statement=text, plan=plan[:LINES])


async def _of_postgresql(driver: Any, text: str) -> list[str]:
    """The generic plan, which is made without values. Nothing of it stays on the connection."""
    transaction = driver.transaction(readonly=True)
    await transaction.start()
    try:
        await driver.execute("SET LOCAL plan_cache_mode = force_generic_plan")
        await driver.execute(f"PREPARE {_NAME} AS {text}")
        try:
            sql = "SELECT coalesce(cardinality(parameter_types), 0) FROM pg_prepared_statements WHERE name = $1"
            count = await driver.fetchval(sql, _NAME)
            values = f"({', '.join(['NULL'] * count)})" if count else ""
            return [record[0] for record in await driver.fetch(f"EXPLAIN EXECUTE {_NAME}{values}")]
        finally:
            await driver.execute(f"DEALLOCATE {_NAME}")
    finally:
        await transaction.rollback()


async def _of_sqlite(driver: Any, text: str) -> list[str]:
    async with driver.execute(f"EXPLAIN QUERY PLAN {text}", [None] * text.count("?")) as cursor:
        return [row[3] for row in await cursor.fetchall()]
