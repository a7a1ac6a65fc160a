# mypy: disable-error-code="import-not-found"
"""The ways to the database that are compared: the component, SQLAlchemy without it, and the driver alone."""

import os
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager

import asyncpg
from firstlight.components.database import Database, Read
from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncEngine, async_sessionmaker, create_async_engine

from .database_tables import BY_SLUG, BY_SLUG_TEXT, INSERT_ALL, NAMES, PAGES, ROWS, Page, fill, values_of

Way = Callable[[int], Awaitable[object]]
CONNECTIONS = 10  # as the component's default
BATCH = 100
URL = os.environ.get("DATABASE_URL", "")
READ = Read(BY_SLUG)


@asynccontextmanager
async def opened(database: Database) -> AsyncIterator[Mapping[str, Way]]:
    """All ways by their names, once the table is there."""
    dialect_url = URL.replace("postgresql://", "postgresql+asyncpg://")
    engine = create_async_engine(dialect_url, pool_size=CONNECTIONS, max_overflow=0)
    await fill(engine)
    size = {"min_size": CONNECTIONS, "max_size": CONNECTIONS}
    async with asyncpg.create_pool(URL, **size) as pool, asyncpg.create_pool(URL, reset=_nothing, **size) as kept:
        ways = {"asyncpg": _driver(pool), "asyncpg_kept": _driver(kept)}
        yield {**ways, **_unobserved(engine), **_observed(database)}
    await engine.dispose()


async def _nothing(_: object) -> None:
    """Leave a connection as it is when it returns to the pool. By default asyncpg sends a statement."""


def _driver(pool: asyncpg.Pool) -> Way:
    async def read_one(number: int) -> object:
        return await pool.fetchrow(BY_SLUG_TEXT, _slug(number))

    return read_one


def _unobserved(engine: AsyncEngine) -> Mapping[str, Way]:
    autocommit = engine.execution_options(isolation_level="AUTOCOMMIT")
    sessions = async_sessionmaker(engine, expire_on_commit=False)

    async def core_read(number: int) -> object:
        async with autocommit.connect() as connection:
            return (await connection.execute(BY_SLUG, {"slug": _slug(number)})).first()

    async def orm_read(number: int) -> object:
        async with sessions.begin() as session:
            return await session.scalar(select(Page).where(Page.slug == _slug(number)))

    async def orm_insert(number: int) -> None:
        async with sessions.begin() as session:
            session.add(Page(**values_of(number)))

    async def core_insert(number: int) -> None:
        async with engine.begin() as connection:
            await connection.execute(insert(PAGES), values_of(number))

    return {"core": core_read, "orm": orm_read, "orm_insert": orm_insert, "core_insert": core_insert}


def _observed(database: Database) -> Mapping[str, Way]:
    async def read_one(number: int) -> object:
        return await database.read_one(READ, slug=_slug(number))

    async def orm_read(number: int) -> object:
        async with database.transaction() as session:
            return await session.scalar(select(Page).where(Page.slug == _slug(number)))

    async def orm_insert(number: int) -> None:
        async with database.transaction() as session:
            session.add(Page(**values_of(number)))

    async def core_insert(number: int) -> None:
        async with database.transaction() as session:
            await session.execute(insert(PAGES), values_of(number))

    async def batch_insert(number: int) -> None:
        rows = [values_of(number + each) for each in range(BATCH)]
        async with database.transaction() as session:
            await session.execute(INSERT_ALL, {name: [row[name] for row in rows] for name in NAMES})

    return {
        "read_one": read_one,
        "transaction_orm": orm_read,
        "transaction_orm_insert": orm_insert,
        "transaction_core_insert": core_insert,
        "transaction_batch_insert": batch_insert,
    }


def _slug(number: int) -> str:
    return f"page-{number % ROWS}"
