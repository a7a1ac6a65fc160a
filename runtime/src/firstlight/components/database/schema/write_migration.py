"""The command `migration`: writes the file of the next migration from what the tables have and the migrations lack."""

from collections.abc import Sequence

import structlog

from ....errors import UsageError
from .revisions import SchemaError
from .schema import Schema

log = structlog.get_logger()


def message_in(arguments: Sequence[str]) -> str:
    """What the migration does, in words. Raises `UsageError` without words."""
    message = " ".join(arguments).strip()
    if not any(character.isalnum() and character.isascii() for character in message):
        msg = 'migration needs what it does, in a few words, such as "add owner"'
        raise UsageError(msg)
    return message


def write_migration(schema: Schema, message: str) -> None:
    """Write the file, and log its path.

    Raises `UsageError` if the tables need no migration, and `SchemaError` if the migrations so far fail.
    """
    from . import changes, version_file  # noqa: PLC0415 - alembic is not for processes that serve
    from .connections import reason  # noqa: PLC0415
    from .steps import StepError  # noqa: PLC0415

    try:
        operations = changes.missing_operations(schema)
    except StepError as error:
        msg = f"the migration {error.revision} fails on an empty SQLite database: {reason(error.__cause__ or error)}"
        raise SchemaError(msg) from error
    if operations.is_empty():
        msg = "the migrations already make all tables as they are; change a table first"
        raise UsageError(msg)
    file = version_file.write(schema, message, operations)
    made = list(changes.sentences(operations))
    log.info("database.migration_written", file=str(file), changes=made)
