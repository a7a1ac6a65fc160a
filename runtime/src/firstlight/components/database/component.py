"""The component that a service lists on its page."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractContextManager, asynccontextmanager
from pathlib import Path

from ...component import Component, Isolate, Layer, Surroundings
from ...identity import Identity
from ...management.check import Check
from .database import Database
from .request_statements import observed
from .servers import Server
from .settings import DatabaseSettings, verify


@asynccontextmanager
async def open_database(surroundings: Surroundings[DatabaseSettings]) -> AsyncIterator[Database]:
    """The database of these settings. It connects at the first use."""
    settings, application = surroundings.settings, surroundings.identity.name
    replicas = [Server(f"replica_{n}", url, settings, application) for n, url in enumerate(settings.replicas)]
    database = Database(settings, Server("primary", settings.address, settings, application), replicas)
    try:
        yield database
    finally:
        await database.close()


def checks(database: Database) -> Sequence[Check]:
    """One check. It is not critical, because all instances share the database."""
    return [Check("database", database.ping)]


def for_tests(
    component: Component[DatabaseSettings, Database], identity: Identity, folder: Path
) -> AbstractContextManager[Isolate[DatabaseSettings, Database]]:
    """The database of tests."""
    from .isolation import isolated  # noqa: PLC0415 - a process that serves does not need it

    return isolated(component, identity, folder)


DATABASE = Component(
    name="database",
    settings=DatabaseSettings,
    verify=verify,
    open=open_database,
    checks=checks,
    middleware={Layer.OBSERVE: observed},
    for_tests=for_tests,
)
"""The database. Its tables and migrations are those of the service's package."""
