"""Executes selects on one server, without a transaction."""

import time
from collections.abc import Sequence
from typing import Any, NoReturn, TypeVarTuple

from sqlalchemy import Row as SelectedRow
from sqlalchemy import Select
from sqlalchemy.util import await_only, greenlet_spawn

from . import failures
from .reads import Compiled, Read, Row
from .servers import Server

Columns = TypeVarTuple("Columns")


async def fetched(server: Server, read: Read[*Columns], parameters: dict[str, Any]) -> list[Row[*Columns]]:
    """The rows of a compiled read, from the driver."""
    compiled = read.compiled(server.engine.dialect)
    arguments = compiled.arguments(parameters)
    return read.rows(compiled, await greenlet_spawn(_records, server, compiled, arguments))


async def selected(server: Server, statement: Select[*Columns]) -> Sequence[SelectedRow[*Columns]]:
    """The rows of any select. SQLAlchemy compiles a statement of the same form once."""
    async with server.autocommit.connect() as connection:
        return (await connection.execute(statement)).all()


def raise_reported(server: Server, error: Exception) -> NoReturn:
    """Raise what the caller gets. A failure of the server is logged."""
    raised = failures.translated(error)
    if raised is error:
        raise error
    server.failures.write(error)
    raise raised from error


def _records(server: Server, compiled: Compiled, arguments: Sequence[Any]) -> Sequence[Any]:
    """The records of the driver. It runs in a greenlet, because the pool may have to wait or to connect."""
    entry = server.pool.connect()
    driver: Any = entry.driver_connection
    began = time.perf_counter_ns()
    try:
        records: Sequence[Any] = await_only(server.fetch(driver, compiled.text, arguments))
    except BaseException as error:
        server.statements.ended(compiled.text, began, error)
        entry.invalidate(error)  # its state is unknown
        if failures.is_stale(error):
            server.pool.renew()
        raise
    server.statements.ended(compiled.text, began)
    entry.close()
    return records
