"""Whether the database has the schema that the code needs."""

import structlog
from sqlalchemy import String, column, inspect, select, table
from sqlalchemy.engine import Connection
from sqlalchemy.ext.asyncio import AsyncEngine

from .revisions import SchemaError
from .schema import Schema

VERSION_TABLE = "alembic_version"
_VERSIONS = select(column("version_num", String)).select_from(table(VERSION_TABLE))

log = structlog.get_logger()


async def verify_schema(engine: AsyncEngine, schema: Schema) -> None:
    """Raise `SchemaError` while the schema lacks a revision of the code: current, expected, and the command to run.

    A newer schema is no error: migrations expand, so the previous release runs on it. One event says so.
    """
    async with engine.connect() as connection:
        # A transaction would lock a SQLite file, and so hold up the migration for which this waits.
        await connection.execution_options(isolation_level="AUTOCOMMIT")
        current = await connection.run_sync(applied)
    if unknown := schema.revisions.unknown(current):
        log.warning("database.schema_ahead", revision=", ".join(unknown), expected=", ".join(schema.revisions.heads))
    elif schema.revisions.missing(current):
        at = f"is at {', '.join(current)}" if current else "is empty"
        expected = ", ".join(schema.revisions.heads)
        run = f"run `python -m {schema.package} migrate`, or `make migrate` in development"
        msg = f"the schema {at} and must be at {expected}: {run}"
        raise SchemaError(msg)


def applied(connection: Connection) -> tuple[str, ...]:
    """The revisions that the database is at; none before the first migration."""
    if not inspect(connection).has_table(VERSION_TABLE):
        return ()
    return tuple(sorted(connection.execute(_VERSIONS).scalars()))
