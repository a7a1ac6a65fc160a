"""Executes selects on one server, without a transaction."""

from collections.abc import Sequence
from typing import Any, NoReturn, TypeVarTuple

from sqlalchemy import Row as SelectedRow
from sqlalchemy import Select

from . import failures, records
from .reads import Read, Row
from .servers import Server

Columns = TypeVarTuple("Columns")


async def fetched(server: Server, read: Read[*Columns], parameters: dict[str, Any]) -> list[Row[*Columns]]:
    """The rows of a compiled read, from the driver."""
    compiled = read.compiled(server.engine.dialect)
    arguments = compiled.arguments(parameters)
    return read.rows(compiled, await records.fetch(server, compiled, arguments))


async def selected(server: Server, statement: Select[*Columns]) -> Sequence[SelectedRow[*Columns]]:
    """The rows of any select. SQLAlchemy compiles a statement of the same form once."""
    async with server.autocommit.connect() as connection:
        return (await connection.execute(statement)).all()


def raise_reported(server: Server, error: Exception) -> NoReturn:
    """Raise what the caller gets. A failure of the server is logged."""
    raised = failures.translated(error)
    if isinstance(raised, failures.DatabaseUnavailableError):
        server.failures.write(error)
    if raised is error:
        raise error
    raise raised from error
