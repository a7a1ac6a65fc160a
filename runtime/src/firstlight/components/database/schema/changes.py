"""What the tables have and the migrations lack, found on an empty SQLite database in memory."""

import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from alembic.autogenerate import produce_migrations
from alembic.operations.ops import AlterColumnOp, CreateIndexOp, CreateTableOp, ModifyTableOps, UpgradeOps
from alembic.runtime.migration import MigrationContext
from sqlalchemy import MetaData, create_engine, event
from sqlalchemy.engine import Connection
from sqlalchemy.pool import StaticPool

from ..addresses import SQLITE
from .schema import Schema
from .steps import Steps

Change = tuple[Any, ...]
BEFORE = {"isolation_level": None}  # transactions are begun by us, so that they include changes of tables


def missing_operations(schema: Schema) -> UpgradeOps:
    """The operations that the next migration needs. Raises `StepError` if a migration fails, and `SchemaError`."""
    engine = create_engine("sqlite://", poolclass=StaticPool, connect_args=BEFORE)
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN"))
    try:
        with engine.connect() as connection:
            steps = Steps(schema)
            while steps.apply_next(connection):
                pass
            return _compared(connection, schema.tables())
    finally:
        engine.dispose()


def _compared(connection: Connection, tables: MetaData) -> UpgradeOps:
    options = {
        "compare_server_default": True,
        "include_object": _is_compared,
        "target_metadata": tables,
    }
    context = MigrationContext.configure(connection, opts=options)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about what SQLite cannot tell, such as the expression of an index
        operations = produce_migrations(context, tables).upgrade_ops
    assert operations is not None
    return _without_equal_defaults(operations)


def _without_equal_defaults(operations: UpgradeOps) -> UpgradeOps:
    """Leave out changes of defaults that are texts and equal: alembic takes an empty one, and quotes, for different."""
    tables = [each for each in operations.ops if isinstance(each, ModifyTableOps)]
    for table in tables:
        columns = [each for each in table.ops if isinstance(each, AlterColumnOp)]
        for column in columns:
            if _is_same(column.existing_server_default, column.modify_server_default):
                column.modify_server_default = False
        unchanged = [column for column in columns if not column.has_changes()]
        table.ops = [each for each in table.ops if each not in unchanged]
    operations.ops = [each for each in operations.ops if each not in tables or each.ops]
    return operations


def _is_same(found: Any, wanted: Any) -> bool:
    """Whether the text of a default in the database, with its quotes, is the one that was declared."""
    text, there = getattr(wanted, "arg", None), str(getattr(getattr(found, "arg", None), "text", ""))
    there = there.removeprefix("(").removesuffix(")") if there.startswith("('") else there
    return isinstance(text, str) and there[:1] == there[-1:] == "'" and there[1:-1].replace("''", "'") == text


def _is_compared(item: Any, *_: object) -> bool:
    """Leave out what `ddl_if(dialect="postgresql")` keeps away from SQLite."""
    dialect = getattr(getattr(item, "_ddl_if", None), "dialect", None)
    return dialect is None or SQLITE in ((dialect,) if isinstance(dialect, str) else dialect)


def left_out(schema: Schema, operations: UpgradeOps) -> UpgradeOps:
    """The indexes that only PostgreSQL gets, of the tables that the operations create."""
    tables = schema.tables().tables
    created = [tables[each.table_name] for each in operations.ops if isinstance(each, CreateTableOp)]
    indexes = [index for table in created for index in table.indexes if not _is_compared(index)]
    return UpgradeOps([CreateIndexOp.from_index(index) for index in sorted(indexes, key=lambda each: str(each.name))])


def sentences(operations: UpgradeOps) -> Iterator[str]:
    """Each change as words, such as `add column links.owner`."""
    yield from (_sentence(change) for change in _flat(operations.as_diffs()))


def _flat(changes: Sequence[Any]) -> Iterator[Change]:
    for change in changes:
        if isinstance(change, tuple):
            yield change
        else:
            yield from _flat(change)


def _column(change: Change) -> str:
    return f"{change[2]}.{change[3] if isinstance(change[3], str) else change[3].name}"


def _table(change: Change) -> str:
    return str(change[1].name)


def _part(change: Change) -> str:
    return f"{change[1].name or 'without a name'} of {change[1].table.name}"


SUBJECTS: dict[str, Callable[[Change], str]] = {"table": _table, "column": _column}


def _sentence(change: Change) -> str:
    verb, _, subject = change[0].partition("_")
    if verb == "modify":
        words = {"nullable": "whether it may be null", "default": "its default in the database"}
        return f"change {_column(change)}: {words.get(subject, f'its {subject}')}"
    kind = {"fk": "foreign key", "constraint": "constraint"}.get(subject, subject.replace("_", " "))
    return f"{verb.replace('remove', 'drop')} {kind} {SUBJECTS.get(subject, _part)(change)}"
