"""The component that a service lists on its page."""

import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from ...component import Background, Component, Layer, Surroundings
from ...management.check import Check
from . import addresses
from .capacity_check import compare
from .database import Database
from .request_statements import observed
from .servers import Server
from .settings import DatabaseSettings, verify
from .url_file import UrlFile
from .watch import WATCH_SECONDS


@asynccontextmanager
async def open_database(surroundings: Surroundings[DatabaseSettings]) -> AsyncIterator[Database]:
    """The database of these settings. It connects at the first use."""
    logging.getLogger("sqlalchemy").setLevel(logging.WARNING)  # it would log what the metrics of the pool say
    settings, application = surroundings.settings, surroundings.identity.name
    url_file = None if settings.url_file is None else UrlFile(settings.url_file, addresses.parse)
    primary = Server("primary", settings.address, settings, application, url_file)
    replicas = [Server(f"replica_{n}", url, settings, application) for n, url in enumerate(settings.replicas)]
    database = Database(settings, primary, replicas)
    try:
        yield database
    finally:
        await database.close()


async def _watch(surroundings: Surroundings[DatabaseSettings]) -> None:
    await DATABASE.of(surroundings).watch.look()


async def _compare(surroundings: Surroundings[DatabaseSettings]) -> None:
    database = DATABASE.of(surroundings)
    await compare([database.primary, *database.replicas], database.settings)


def checks(database: Database) -> Sequence[Check]:
    """One check. It is not critical, because all instances share the database."""
    return [Check("database", database.ping)]


DATABASE = Component(
    name="database",
    settings=DatabaseSettings,
    verify=verify,
    open=open_database,
    checks=checks,
    background=(
        Background("database.watch", _watch, every_seconds=WATCH_SECONDS, processes=("web", "worker")),
        Background("database.capacity", _compare),
    ),
    middleware={Layer.OBSERVE: observed},
)
"""The database. Its tables and migrations are those of the service's package."""
