"""The removal of expired rows, in steps that lock few rows at once."""

from contextlib import AbstractContextManager, suppress

from sqlalchemy import Executable

from .database import Database
from .failures import DatabaseUnavailableError

BATCH = 1000  # rows of one statement


async def remove(database: Database, statement: Executable) -> None:
    """Run a statement that removes at most `BATCH` rows until nothing is left. Each step is a transaction."""
    removed = BATCH
    while removed >= BATCH:
        async with database.transaction() as session:
            removed = (await (await session.connection()).execute(statement)).rowcount


def while_reachable() -> AbstractContextManager[None]:
    """Leave the removal for the next time while the database is away: `database.call_failed` has said so."""
    return suppress(DatabaseUnavailableError)
