"""A server of the database: its engine, and everything that observes it."""

import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from sqlalchemy import URL
from sqlalchemy.engine import Engine, ExceptionContext
from sqlalchemy.event import listen
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from . import failures, sqlite
from .addresses import POSTGRESQL, system_of
from .connector import Connector
from .failure_log import FailureLog
from .plans import Plans
from .pools import ObservedPool, replace_lost
from .renewal import Renewal
from .settings import DatabaseSettings
from .slow import SlowLog
from .statements import Statements
from .url_file import UrlFile


class Server:
    """The primary, or a replica."""

    def __init__(
        self, name: str, url: URL, settings: DatabaseSettings, application: str, url_file: UrlFile[URL] | None = None
    ) -> None:
        """Connect at the first use. `application` is the name that the server shows for its connections.

        Addresses come from `url_file`, if there is one. Raises `SettingsError` if the CA file cannot be used.
        """
        self.name, self.url, self.url_file = name, url, url_file
        self.dialect_name = system_of(url)
        self.failures = FailureLog(name)
        self.connect = Connector(lambda: url if url_file is None else url_file.address, settings, application)
        """Opens a connection of asyncpg beside the pool."""
        self.engine = _engine(url, settings, self._opened)
        self.autocommit = self.engine.execution_options(isolation_level="AUTOCOMMIT")
        """The same engine and pool, without transactions."""
        self._plans = Plans(self.engine)
        explain = self._plans.ask if settings.slow_plans else None
        self.slow = SlowLog(name, settings.slow_seconds, explain)
        self.statements = Statements(name, url, self.slow)
        self.fetch = _fetch_from_postgresql if self.dialect_name == POSTGRESQL else _fetch_from_sqlite
        """Executes a text with arguments on a connection of the driver, and returns the records."""
        pool = self.engine.pool
        assert isinstance(pool, ObservedPool)
        self.pool = pool
        pool.observe_as(name)
        self.renew = Renewal(pool).renew
        """Replaces the connections of the pool."""
        replace_lost(pool)
        self._observe(self.engine.sync_engine)
        if self.dialect_name != POSTGRESQL:
            sqlite.prepare(self.engine.sync_engine, settings)

    @property
    def place(self) -> str:
        """Where it is now, for operators: a URL without user and password."""
        url = self.url if self.url_file is None else self.url_file.address
        return URL.create(self.dialect_name, None, None, url.host, url.port, url.database, url.query).render_as_string()

    async def close(self) -> None:
        """Close all connections."""
        await self._plans.close()
        await self.engine.dispose()

    def _observe(self, engine: Engine) -> None:
        ended = self.statements.ended

        def executed(cursor: Any, text: str, values: Any, context: Any) -> bool:
            context.firstlight_began = began = time.perf_counter_ns()
            engine.dialect.do_execute(cursor, text, values, context)
            ended(text, began)
            return True  # it is done

        def executed_many(cursor: Any, text: str, values: Any, context: Any) -> bool:
            context.firstlight_began = began = time.perf_counter_ns()
            engine.dialect.do_executemany(cursor, text, values, context)
            ended(text, began)
            return True

        def failed(context: ExceptionContext) -> None:
            connection, error = context.connection, context.original_exception
            if connection is None or context.statement is None:
                return
            began = getattr(context.execution_context, "firstlight_began", None) or time.perf_counter_ns()
            ended(context.statement, began, error)
            if failures.is_stale(error):
                self.pool.renew()
            if isinstance(error, OSError):  # a timeout, or a lost connection that the driver does not translate
                connection.invalidate(error)
                raise failures.unavailable() from error

        # Events of the dialect: with those of the engine, SQLAlchemy dispatches six more for each transaction.
        listen(engine, "do_execute", executed)
        listen(engine, "do_executemany", executed_many)
        listen(engine, "handle_error", failed)

    async def _opened(self, **options: Any) -> Any:
        """A connection of asyncpg for the pool. Its errors are not translated there, and would look like the caller's.

        A server that refuses a connection has no fault of a statement to report: each of its errors means 503.
        """
        try:
            return await self.connect(**options)
        except Exception as error:
            if not failures.sqlstate(error) and not failures.is_unavailable(error):
                raise
            raise failures.unavailable() from error


async def _fetch_from_postgresql(driver: Any, text: str, arguments: Sequence[Any]) -> Sequence[Any]:
    records: Sequence[Any] = await driver.fetch(text, *arguments)
    return records


async def _fetch_from_sqlite(driver: Any, text: str, arguments: Sequence[Any]) -> Sequence[Any]:
    async with driver.execute(text, arguments) as cursor:
        records: Sequence[Any] = await cursor.fetchall()
        return records


def _engine(url: URL, settings: DatabaseSettings, connect: Callable[..., Awaitable[Any]]) -> AsyncEngine:
    arguments = {"async_creator_fn": connect} if system_of(url) == POSTGRESQL else {}
    return create_async_engine(
        url,
        connect_args=arguments,
        hide_parameters=True,
        max_overflow=0,
        pool_size=settings.pool_size,
        pool_timeout=settings.pool_wait_seconds,
        pool_use_lifo=True,
        poolclass=ObservedPool,
    )
