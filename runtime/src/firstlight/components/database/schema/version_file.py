"""Writes the file of a new migration."""

import re
import subprocess
import sys
from importlib import util
from pathlib import Path
from textwrap import indent
from typing import Any, Literal

from alembic.autogenerate import render_python_code
from alembic.operations.ops import UpgradeOps
from sqlalchemy.sql.expression import False_, True_
from sqlalchemy.sql.functions import now
from sqlalchemy.types import TypeDecorator

from .schema import Schema

LONGEST = 32  # the column of alembic that holds a revision
COMMENT = re.compile(r"^\s*# ###.*\n?", re.MULTILINE)
NUMBER = re.compile(r"v(\d+)")
# What the generated code may use, in the order in which it is imported.
IMPORTS = {
    "sa.": "import sqlalchemy as sa",
    "op": "from alembic import op",
    "postgresql.": "from sqlalchemy.dialects import postgresql",
}
DEFAULTS = {False_: "sa.false()", True_: "sa.true()", now: "sa.func.now()"}
CONDITION = '    if op.get_bind().dialect.name == "postgresql":'
TEXT = '''"""{title}."""

{imports}

revision = "{name}"
down_revision = {parents}


def upgrade() -> None:
    """{title}."""
{body}
'''


def write(schema: Schema, message: str, operations: UpgradeOps, only_postgresql: UpgradeOps) -> Path:
    """The new file, which is named like its revision, such as `v0002_add_owner.py`."""
    revisions = schema.revisions
    numbers = [int(found[1]) for each in revisions.ordered if (found := NUMBER.match(each.name))]
    words = re.sub(r"[^a-z0-9]+", "_", message.lower()).strip("_")
    name = f"v{max(numbers, default=0) + 1:04}_{words}"[:LONGEST].rstrip("_")
    heads = [f'"{head}"' for head in revisions.heads]
    parents = "None" if not heads else heads[0] if len(heads) == 1 else f"({', '.join(heads)})"
    # SQLite changes a table by copying it, which alembic calls a batch.
    body = "" if operations.is_empty() else _code(operations, render_as_batch=True)
    if not only_postgresql.is_empty():
        body += f"\n\n{CONDITION}\n{indent(_code(only_postgresql, render_as_batch=False), '    ')}"
    title = " ".join(message.split()).rstrip(".").replace("\\", "").replace('"', "'")
    title = title[:1].upper() + title[1:]
    imports = "\n".join(line for prefix, line in IMPORTS.items() if prefix in body)
    text = TEXT.format(title=title, imports=imports, name=name, parents=parents, body=body)
    file = schema.folder / f"{name}.py"
    file.write_text(text, "utf-8")
    _format(file)
    return file


def _code(operations: UpgradeOps, *, render_as_batch: bool) -> str:
    code = render_python_code(operations, render_as_batch=render_as_batch, render_item=render_item)
    return COMMENT.sub("", f"    {code}").replace(", schema=None)", ")").strip("\n")


def render_item(kind: str, item: Any, _context: Any) -> str | Literal[False]:
    """A type of the service is written as the type of SQLAlchemy behind it: migrations do not import the service.

    A default is written as it was declared where alembic would write what only one system understands.
    """
    if kind == "server_default":
        return next((text for made, text in DEFAULTS.items() if isinstance(getattr(item, "arg", None), made)), False)
    if kind == "type" and isinstance(item, TypeDecorator):
        return f"sa.{item.impl_instance!r}"
    return False


def _format(file: Path) -> None:
    """By ruff, which a service has for `make check`. Without it the file is right, but not pretty."""
    if util.find_spec("ruff") is not None:
        for step in (["check", "--fix", "--exit-zero"], ["format"]):
            command = [sys.executable, "-m", "ruff", *step, "--quiet", str(file)]
            subprocess.run(command, check=False, capture_output=True)  # noqa: S603 - ruff
