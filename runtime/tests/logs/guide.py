"""The tables of `docs/guides/redaction.md`, as the tests read them."""

import re
from collections.abc import Sequence
from pathlib import Path

GUIDE = Path(__file__).parents[3] / "docs" / "guides" / "redaction.md"
_BORDER = re.compile(r"(?<= )\|(?= )")
_CODE = re.compile(r"`([^`]+)`")


def rows(section: str, table: int = 0) -> list[Sequence[str]]:
    """The cells of a section's table, without its head."""
    text = GUIDE.read_text("utf-8").split(f"\n## {section}\n")[1].partition("\n## ")[0]
    tables = [part.splitlines() for part in text.strip().split("\n\n") if part.startswith("|")]
    return [[cell.strip() for cell in _BORDER.split(line[1:-1])] for line in tables[table][2:]]


def codes(cell: str) -> tuple[str, ...]:
    """What stands between backquotes."""
    return tuple(_CODE.findall(cell))


def text_of(cell: str) -> str:
    r"""The text of a code cell: `\n` is a line break, `\\n` one that is written out."""
    (code,) = codes(cell)
    return re.sub(r"\\\\([nr])", r"\\\1", re.sub(r"(?<!\\)\\n", "\n", code))


def contexts() -> dict[str, str]:
    """Texts with `NAME` and `SECRET`, by the name of the context."""
    return {context: text_of(cell) for context, cell in rows("Contexts")}
