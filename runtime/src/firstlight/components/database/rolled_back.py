"""One transaction around a whole test, which is rolled back at its end.

The pool has one connection, on which a transaction of the driver is open. What SQLAlchemy begins inside it becomes a
savepoint: transactions of the application commit and roll back as usual, and reads see what it has committed.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from typing import Any

from sqlalchemy.event import listen

from ...component import Surroundings
from .database import Database
from .settings import DatabaseSettings

ONE_CONNECTION = {"pool_size": 1, "pool_wait_seconds": 5.0, "replica_urls": []}

Open = Callable[[Surroundings[DatabaseSettings]], AbstractAsyncContextManager[Database]]


def rolled_back(opening: Open) -> Open:
    """An `open` whose database forgets everything when it is closed. Only for PostgreSQL.

    All use of it takes turns on its connection; `now()` is the same during the whole test; sequences go on. A statement
    that is cancelled, or a read that fails, closes the connection, and with it goes what the test has written.
    """

    @asynccontextmanager
    async def opened(surroundings: Surroundings[DatabaseSettings]) -> AsyncIterator[Database]:
        settings = surroundings.settings.model_copy(update=ONE_CONNECTION)
        async with opening(replace(surroundings, settings=settings)) as database:
            listen(database.primary.engine.sync_engine, "connect", _begin)
            yield database

    return opened


def _begin(connection: Any, _: object) -> None:
    connection.run_async(_begun)


async def _begun(driver: Any) -> None:
    await driver.execute("SET idle_in_transaction_session_timeout = 0")  # a test may stop at a breakpoint
    await driver.transaction().start()
