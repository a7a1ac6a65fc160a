"""The removal of expired rows, in steps that lock few rows at once."""

from sqlalchemy import Executable

from .database import Database

BATCH = 1000  # rows of one statement


async def remove(database: Database, statement: Executable) -> None:
    """Run a statement that removes at most `BATCH` rows until nothing is left. Each step is a transaction."""
    removed = BATCH
    while removed >= BATCH:
        async with database.transaction() as session:
            removed = (await (await session.connection()).execute(statement)).rowcount
