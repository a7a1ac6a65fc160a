"""What `make check` says about tables and migrations, as JSON: a list of files and sentences.

It is a program, `python -m firstlight.components.database.schema.report <root> <package>`, because it imports the
team's code and alembic.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import Enum, MetaData

from ..addresses import POSTGRESQL
from . import contract_steps
from .changes import missing_operations, sentences
from .connections import reason
from .revisions import SchemaError
from .schema import METADATA, MIGRATIONS, TABLES, Schema
from .steps import StepError
from .version_file import LONGEST

Finding = tuple[Path, str]
ENUM = (
    "is an Enum, for which PostgreSQL has a type that migrations neither create with a column nor change: "
    "write Enum(..., native_enum=False, length=40)"
)
WRITE = 'run `make migration MESSAGE="..."`'


def findings(folder: Path, package: str) -> Iterator[Finding]:
    """Findings about the files first. Only without them, those about the tables."""
    schema = Schema.of(package)
    if schema is None:
        yield folder / MIGRATIONS, "does not exist; make the folder with an empty __init__.py."
        return
    found = list(_files(schema))
    yield from found
    if not found:
        yield from _differences(schema, folder)
        yield from _steps(schema)


def _files(schema: Schema) -> Iterator[Finding]:
    try:
        revisions = schema.revisions
    except SchemaError as error:
        yield schema.folder, f"{error}."
        return
    heads = [each for each in revisions.ordered if each.name in revisions.heads]
    if len(heads) > 1:
        first, *_, last = heads
        sentence = f'{first.name} and this one are both the last: write down_revision = "{first.name}" here.'
        yield last.file, sentence
    for each in revisions.ordered:
        if not each.file.stem.isidentifier():
            yield each.file, f"is no name of a module: rename it, for instance to v{each.file.stem}.py."
        if len(each.name) > LONGEST:
            yield each.file, f"revision has {len(each.name)} characters, and PostgreSQL takes {LONGEST}: shorten it."


def _steps(schema: Schema) -> Iterator[Finding]:
    for each in schema.revisions.ordered:
        for line, done in contract_steps.findings(each.file.read_text("utf-8")):
            yield each.file, f"line {line} {done}: {contract_steps.CURE}."


def _differences(schema: Schema, folder: Path) -> Iterator[Finding]:
    try:
        missing = missing_operations(schema)
    except StepError as error:
        file = next(each.file for each in schema.revisions.ordered if each.name == error.revision)
        cause = reason(error.__cause__ or error)
        yield file, f"fails on an empty SQLite database: {cause}; what only PostgreSQL can do belongs below `if`."
    except (ImportError, AttributeError) as error:
        yield folder / f"{TABLES}.py", f"must be a module with {METADATA} = MetaData(): {error}."
    else:
        for sentence in sentences(missing):
            yield schema.folder, f"no migration does this: {sentence}; {WRITE}."
        for column in _enums(schema.tables()):
            yield folder / f"{TABLES}.py", f"{column} {ENUM}."


def _enums(tables: MetaData) -> Iterator[str]:
    """Columns that are a type of their own on PostgreSQL. The comparison on SQLite does not see its values."""
    for table in tables.sorted_tables:
        for column in table.columns:
            kind = column.type
            if isinstance(kind, Enum) and kind.native_enum and POSTGRESQL not in kind._variant_mapping:  # noqa: SLF001 - no public one
                yield f"{table.name}.{column.name}"


def main() -> None:
    """Print the findings. Files are relative to the root of the service."""
    root, package = Path(sys.argv[1]).resolve(), sys.argv[2]
    found = findings(root / "src" / package, package)
    lines = [(file.resolve().relative_to(root).as_posix(), sentence) for file, sentence in found]
    sys.stdout.write(f"\n{json.dumps(lines)}\n")


if __name__ == "__main__":
    main()
