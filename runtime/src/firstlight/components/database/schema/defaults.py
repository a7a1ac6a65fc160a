"""Compares defaults in the database as SQLite gives them back with those of the tables. It needs alembic."""

import re
from typing import Any

from alembic.runtime.plugins import Plugin
from alembic.util import DispatchPriority, PriorityDispatchResult
from sqlalchemy.engine.default import DefaultDialect
from sqlalchemy.schema import DefaultClause

PLUGIN = "firstlight.defaults"
PARENTHESES = re.compile(r"\((.*)\)", re.DOTALL)
LITERAL = re.compile(r"'(.*)'", re.DOTALL)
SAME = {"true": "1", "false": "0"}  # SQLite keeps the word, and has no other value for it


def _equal(
    context: Any, _change: Any, _schema: str | None, _table: str, _name: str, found: Any, wanted: Any
) -> PriorityDispatchResult:
    """End the comparison of a column whose defaults are equal. Alembic takes some texts, such as '', for others."""
    defaults = (found.server_default, wanted.server_default)
    if all(isinstance(each, DefaultClause) for each in defaults):
        here, there = (_value(each, context.dialect) for each in defaults)
        if here == there:
            return PriorityDispatchResult.STOP
    return PriorityDispatchResult.CONTINUE


def _value(default: DefaultClause, dialect: DefaultDialect) -> str:
    """The text of a literal, or the expression."""
    if isinstance(default.arg, str):
        return default.arg
    compiled = str(default.arg.compile(dialect=dialect, compile_kwargs={"literal_binds": True}))
    inner = PARENTHESES.fullmatch(compiled)
    expression = inner[1] if inner else compiled
    literal = LITERAL.fullmatch(expression)
    return literal[1].replace("''", "'") if literal else SAME.get(expression.lower(), expression)


_plugin = Plugin(PLUGIN)
_plugin.add_autogenerate_comparator(_equal, "column", "server_default", priority=DispatchPriority.FIRST)
