"""What the tests of the stores share: the tables of a test, and a database that several instances open."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from pydantic import SecretStr
from sqlalchemy import MetaData
from sqlalchemy.ext.asyncio import create_async_engine

from firstlight.components.database import Database, DatabaseSettings
from firstlight.components.database.addresses import parse
from firstlight.components.database.servers import Server


def create_tables(url: str, metadata: MetaData) -> None:
    """Create the tables of a test."""

    async def create() -> None:
        engine = create_async_engine(parse(url))
        async with engine.begin() as connection:
            await connection.run_sync(metadata.create_all)
        await engine.dispose()

    asyncio.run(create())


@asynccontextmanager
async def opened(url: str, **settings: object) -> AsyncIterator[Database]:
    """The database of a URL."""
    given = DatabaseSettings(url=SecretStr(url), **settings)  # type: ignore[arg-type] # what the test needs
    database = Database(given, Server("primary", given.address, given, "test"))
    try:
        yield database
    finally:
        await database.close()
