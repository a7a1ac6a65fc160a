"""The command `migration`: writes the file of the next migration from what the tables have and the migrations lack."""

from collections.abc import Sequence
from typing import NamedTuple

import structlog

from ....errors import UsageError
from .revisions import SchemaError
from .schema import Schema

log = structlog.get_logger()

EMPTY = "--empty"


class Wanted(NamedTuple):
    """What the arguments of the command ask for."""

    message: str
    """What the migration does, in words."""
    empty: bool = False
    """Whether a person writes the steps, such as a change of data."""


def wanted_in(arguments: Sequence[str]) -> Wanted:
    """Read `--empty` and words. Raises `UsageError` without words."""
    empty = arguments[:1] == [EMPTY]
    message = " ".join(arguments[1:] if empty else arguments).strip()
    if not any(character.isalnum() and character.isascii() for character in message):
        msg = 'migration needs what it does, in a few words, such as "add owner"'
        raise UsageError(msg)
    return Wanted(message, empty)


def write_migration(schema: Schema, message: str, *, empty: bool = False) -> None:
    """Write the file, and log its path. With `empty`, without steps.

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
    if empty:
        operations = type(operations)()
    elif operations.is_empty():
        msg = (
            "the migrations already make all tables as they are; change a table first, "
            f"or begin an empty migration with {EMPTY}, such as for data: make migration EMPTY=1"
        )
        raise UsageError(msg)
    indexes = changes.left_out(schema, operations)
    file = version_file.write(schema, message, operations, indexes)
    made = [*changes.sentences(operations), *changes.sentences(indexes)]
    log.info("database.migration_written", file=str(file), changes=made)
