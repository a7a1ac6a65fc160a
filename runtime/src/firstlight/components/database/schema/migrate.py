"""The command `migrate`: brings the schema to the newest revision, or to the one that is named."""

from collections.abc import Sequence
from typing import NamedTuple

import structlog

from ....errors import UsageError
from .. import failures
from ..servers import Server
from .connections import Limits, migrating, reason
from .readiness import applied
from .revisions import SchemaError
from .schema import Schema

log = structlog.get_logger()


class Target(NamedTuple):
    """What the arguments of the command ask for."""

    revision: str | None = None
    """None for the newest."""
    local: bool = False
    """Only a database on this machine. `make run` must not change one that others use."""


def target_in(arguments: Sequence[str]) -> Target:
    """Read `--to` with a revision, or `--local`. Raises `UsageError` for other arguments."""
    match list(arguments):
        case []:
            return Target()
        case ["--local"]:
            return Target(local=True)
        case ["--to", revision]:
            return Target(revision)
        case _:
            msg = f"migrate takes no arguments, --local, or --to and a revision, not {' '.join(arguments)!r}"
            raise UsageError(msg)


async def migrate(server: Server, schema: Schema, target: str | None = None, limits: Limits | None = None) -> None:
    """Apply what is missing, each revision in a transaction of its own, with one event each.

    Several processes may do so at once: one works, the others wait. A database that a newer release has migrated is
    left as it is. Raises `SchemaError` if a migration fails; those before it stay applied. `UsageError` if there is no
    such target.
    """
    from .steps import StepError, Steps  # noqa: PLC0415 - alembic is not for processes that serve

    schema.revisions.missing((), target)  # refuses an unknown target before it connects
    steps = Steps(schema, target)
    async with migrating(server, limits or Limits()) as connection:
        try:
            while done := await connection.run_sync(steps.apply_next):
                log.info("database.migration_applied", revision=done.revision, duration_seconds=done.seconds)
        except StepError as error:
            cause, kind = reason(error.__cause__ or error), failures.kind_of(error.__cause__ or error)
            log.error(  # noqa: TRY400 - the command reports it
                "database.migration_failed", revision=error.revision, error_type=kind, reason=cause
            )
            msg = f"the migration {error.revision} failed, and the schema is as before it: {cause}"
            raise SchemaError(msg) from error
        current = await connection.run_sync(applied)
    if unknown := schema.revisions.unknown(current):
        log.warning("database.schema_ahead", revision=", ".join(unknown), expected=", ".join(schema.revisions.heads))
    else:
        log.info("database.schema_up_to_date", revision=", ".join(current))
