"""The pages of this repository and of a service: their fenced blocks, and the rows of their tables."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

FENCED = re.compile(r"^(?P<indent> *)```(?P<language>\w*)\n(?P<text>.*?)^ *```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """One fenced block: the page by its path, the line where it begins, the word behind the fence, the text."""

    page: str
    line: int
    language: str
    text: str

    @property
    def commands(self) -> list[str]:
        """The lines of a shell, without what is said about them."""
        return [line for text in self.text.splitlines() if (line := re.sub(r"(^|\s+)#\s.*", "", text).strip())]


def blocks(root: Path, page: str) -> Iterator[Block]:
    """Every fenced block of a page."""
    text = (root / page).read_text(encoding="utf-8")
    for found in FENCED.finditer(text):
        indent = len(found["indent"])
        lines = (line[indent:] if line.strip() else line for line in found["text"].splitlines(keepends=True))
        yield Block(page, text[: found.start()].count("\n") + 1, found["language"], "".join(lines))


def block(root: Path, page: str, containing: str) -> str:
    """The text of the one block that holds these words."""
    (found,) = (each.text for each in blocks(root, page) if containing in each.text)
    return found


def rows(root: Path, page: str, *heading: str) -> dict[str, str]:
    """The second cell of each row by its first, from the table with this heading."""
    text = (root / page).read_text(encoding="utf-8")
    _, found, rest = text.partition(f"| {' | '.join(heading)} |\n")
    assert found, f"{page} has no table {heading}"
    table = re.match(r"\|[-|]+\|\n((?:\|.*\n)+)", rest)
    assert table, f"{page} has no rows below {heading}"
    cells = (re.split(r"(?<!\\)\|", line.strip().strip("|")) for line in table[1].splitlines())
    return {first.strip(): second.strip() for first, second, *_ in cells}
