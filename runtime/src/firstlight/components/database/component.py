"""The component that a service lists on its page."""

import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractContextManager, asynccontextmanager
from functools import partial
from pathlib import Path

import structlog

from ...component import Background, Command, Component, Isolate, Layer, Surroundings
from ...errors import UsageError
from ...identity import Identity
from ...management.check import Check
from . import addresses, failures, pools
from .capacity_check import compare
from .console import section
from .database import Database
from .request_statements import observed
from .schema import Schema, migrate, target_in, verify_schema, wanted_in, write_migration
from .servers import Server
from .settings import DatabaseSettings, verify
from .url_file import UrlFile
from .watch import WATCH_SECONDS

log = structlog.get_logger()

CHECK_SECONDS = 5.0  # it fails after three of them: half a minute with the default would be late for a page


@asynccontextmanager
async def open_database(surroundings: Surroundings[DatabaseSettings]) -> AsyncIterator[Database]:
    """The database of these settings. It connects at the first use."""
    for logger in ("sqlalchemy", pools.__name__):  # they would log what the metrics of the pool say
        logging.getLogger(logger).setLevel(logging.WARNING)
    settings, application = surroundings.settings, surroundings.identity.name
    address = settings.address
    same = partial(addresses.parse, wanted=addresses.system_of(address))
    url_file = None if settings.url_file is None else UrlFile(settings.url_file, same)
    primary = Server("primary", address, settings, application, url_file)
    replicas = [Server(f"replica_{n}", url, settings, application) for n, url in enumerate(settings.replicas)]
    database = Database(settings, primary, replicas, Schema.of(surroundings.identity.package))
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
    return [Check("database", database.ping, interval_seconds=CHECK_SECONDS)]


async def has_schema(database: Database) -> None:
    """Raise `SchemaError` while the schema lacks a revision of the code.

    Raises `DatabaseUnavailableError` while there is no answer; its text says where, and why.
    """
    try:
        await database.ping()
    except Exception as error:
        msg = f"{database.primary.place} does not answer: {failures.reason(error)}"
        raise failures.DatabaseUnavailableError(msg) from error
    if database.schema is not None:
        await verify_schema(database.primary.engine, database.schema)


async def run_migrate(surroundings: Surroundings[DatabaseSettings], arguments: Sequence[str]) -> None:
    """The command `migrate`. Raises `SchemaError`, and `UsageError` for arguments that it does not have."""
    target, database = target_in(arguments), DATABASE.of(surroundings)
    if target.local and not addresses.is_local(database.primary.url):
        log.info("database.migration_skipped", reason="the database is not on this machine")
        return
    await migrate(database.primary, _schema(database), target.revision)


async def run_migration(surroundings: Surroundings[DatabaseSettings], arguments: Sequence[str]) -> None:
    """The command `migration`. Raises `SchemaError`, and `UsageError` if there is nothing to write."""
    wanted = wanted_in(arguments)
    write_migration(_schema(DATABASE.of(surroundings)), wanted.message, empty=wanted.empty)


def _schema(database: Database) -> Schema:
    if database.schema is None:
        msg = "the package of the service has no folder migrations; make it, with an empty __init__.py"
        raise UsageError(msg)
    return database.schema


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
    background=(
        Background("database.watch", _watch, every_seconds=WATCH_SECONDS, processes=("web", "worker")),
        Background("database.capacity", _compare),
    ),
    ready_to_start=has_schema,
    commands={
        "migrate": Command(
            run_migrate,
            "Bring the schema to the newest migration, or to one: --to REVISION; --local: only on this machine",
        ),
        "migration": Command(
            run_migration, "Write the next migration: what it does, in words; --empty before them: without steps"
        ),
    },
    middleware={Layer.OBSERVE: observed},
    console=section,
    for_tests=for_tests,
)
"""The database. Its tables and migrations are those of the service's package."""
