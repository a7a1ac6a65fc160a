"""Applies one migration by alembic, in a transaction of its own. Import it only to migrate: alembic takes 0.3 s."""

import time
from collections.abc import Iterator
from typing import Any, NamedTuple

from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext, MigrationStep
from alembic.script import ScriptDirectory
from sqlalchemy.engine import Connection

from .schema import Schema

OPTIONS = {"transactional_ddl": True, "transaction_per_migration": True}  # SQLite can, if a transaction is begun


class Applied(NamedTuple):
    """A migration that was applied."""

    revision: str
    seconds: float


class StepError(Exception):
    """A migration failed, and its transaction was rolled back. The cause is the error."""

    def __init__(self, revision: str) -> None:
        """`revision` is the migration."""
        super().__init__(revision)
        self.revision = revision


class Steps:
    """The migrations of a schema, up to a revision if one is given."""

    def __init__(self, schema: Schema, target: str | None = None) -> None:
        """Nothing is read yet."""
        self._revisions = schema.revisions
        self._script = ScriptDirectory(str(schema.folder), version_locations=[str(schema.folder)])
        self._target = target

    def apply_next(self, connection: Connection) -> Applied | None:
        """Apply the next missing migration and commit it. None if none is missing.

        What is missing is asked within the transaction, so that several processes never apply one twice. Raises
        `StepError`.
        """
        began = time.monotonic()
        chosen: list[str] = []

        def following(heads: tuple[str, ...], _: MigrationContext) -> Iterator[MigrationStep]:
            for revision in self._revisions.missing(heads, self._target)[:1]:
                chosen.append(revision.name)
                script: Any = self._script.get_revision(revision.name)
                yield MigrationStep.upgrade_from_script(self._script.revision_map, script)

        context = MigrationContext.configure(connection, opts={**OPTIONS, "fn": following})
        try:
            with Operations.context(context):
                context.run_migrations()
        except Exception as error:
            connection.rollback()
            if not chosen:
                raise
            raise StepError(chosen[0]) from error
        connection.commit()
        return Applied(chosen[0], round(time.monotonic() - began, 3)) if chosen else None
