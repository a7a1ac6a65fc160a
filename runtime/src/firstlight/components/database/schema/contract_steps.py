"""Finds the operations in migrations that the previous release does not survive.

While a release is rolled out, two releases use one schema. So a migration only adds (expand). What the old release
needed is removed by a later migration (contract), whose comment `# contract: why` says that it is meant.
"""

import ast
import io
import re
import tokenize
from collections.abc import Iterator

COMMENT = re.compile(r"#\s*contract:\s*\S")
STATEMENTS = (
    re.compile(r"\b(DROP\s+(?:COLUMN|TABLE)|RENAME\s+(?:COLUMN|TO)|SET\s+NOT\s+NULL)\b", re.IGNORECASE),
    # PostgreSQL lets the word COLUMN out.
    re.compile(
        r"\bALTER\s+TABLE\b[^;]*?\b(DROP(?!\s+(?:CONSTRAINT|DEFAULT|NOT|IDENTITY|EXPRESSION)\b))\b", re.IGNORECASE
    ),
    re.compile(r"\bALTER\s+TABLE\b[^;]*?\b(RENAME(?!\s+CONSTRAINT\b))\b", re.IGNORECASE),
    re.compile(r"\bALTER\s+TABLE\b[^;]*?\bALTER\s+(?:COLUMN\s+)?\S+\s+(?:SET\s+DATA\s+)?(TYPE)\b", re.IGNORECASE),
)
OPERATIONS = {
    "drop_column": "drops a column",
    "drop_table": "drops a table",
    "rename_table": "renames a table",
}
CURE = (
    "the previous release still uses the schema during a release: expand now, and contract in a later release with the "
    "comment `# contract: why` above the line"
)


def findings(text: str) -> Iterator[tuple[int, str]]:
    """The line of each operation without such a comment, and what it does. Raises `SyntaxError`."""
    meant = {
        token.start[0]
        for token in tokenize.generate_tokens(io.StringIO(text).readline)
        if token.type == tokenize.COMMENT and COMMENT.search(token.string)
    }
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            done = _done(node, node.func.attr)
            lines = range(node.lineno - 1, (node.end_lineno or node.lineno) + 1)
            if done and meant.isdisjoint(lines):
                yield node.lineno, done


def _done(call: ast.Call, operation: str) -> str:
    """What the old release does not survive, or nothing."""
    given = {keyword.arg: keyword.value for keyword in call.keywords}
    match operation:
        case "alter_column" if "new_column_name" in given:
            return "renames a column"
        case "alter_column" if not _is(given.get("type_", ast.Constant(None)), value=None):
            return "changes the type of a column"
        case "alter_column" if _is(given.get("nullable"), value=False):
            return "makes a column NOT NULL"
        case "add_column":
            return "adds a column that is NOT NULL without a default in the database" if _is_required(call) else ""
        case "execute":
            texts = [each.value for each in ast.walk(call) if isinstance(each, ast.Constant)]
            hits = (form.search(text) for form in STATEMENTS for text in texts if isinstance(text, str))
            found = next(filter(None, hits), None)
            return f"executes {' '.join(found[1].upper().split())}" if found else ""
        case _:
            return OPERATIONS.get(operation, "")


def _is_required(call: ast.Call) -> bool:
    """Whether the added column needs a value that the old release does not give."""
    for column in (node for node in ast.walk(call) if isinstance(node, ast.Call) and node is not call):
        given = {keyword.arg: keyword.value for keyword in column.keywords}
        makes = {"server_default", "identity"} & given.keys() or "Computed" in ast.unparse(column)
        if _is(given.get("nullable"), value=False) and not makes:
            return True
    return False


def _is(node: ast.expr | None, *, value: object) -> bool:
    return isinstance(node, ast.Constant) and node.value is value
