"""A table for a terminal, and the same for a page in Markdown."""

from collections.abc import Sequence
from pathlib import Path

Cells = Sequence[str]


def text(head: Cells, lines: Sequence[Cells], limits: Sequence[int]) -> str:
    """Aligned, and cut to widths."""
    rows = (head, *lines)
    widths = [min(limit, max(len(row[column]) for row in rows)) for column, limit in enumerate(limits)]
    return "\n".join(
        "  ".join(_cut(cell, width).ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )


def _cut(cell: str, width: int) -> str:
    return cell if len(cell) <= width else f"{cell[: width - 3]}..."


def _line(cells: Cells) -> str:
    return f"| {' | '.join(map(_plain, cells))} |"


def _plain(cell: str) -> str:
    """No cell may become a tag, a link or another cell."""
    return cell.replace("|", "\\|").replace("<", "&lt;").replace("*", "\\*").replace("\n", " ")


class Region:
    """A table of a page, between two comments."""

    def __init__(self, page: Path, name: str, column: int) -> None:
        """Its rows are known by their text in `column`. Raises `LookupError` where the page has no such region."""
        self._page = page
        self._column = column
        self._begin, self._end = f"<!-- begin of {name} -->", f"<!-- end of {name} -->"
        self._before, begun, rest = page.read_text("utf-8").partition(self._begin)
        content, ended, self._after = rest.partition(self._end)
        if not (begun and ended):
            msg = f"{page} does not hold {self._begin!r} and {self._end!r}."
            raise LookupError(msg)
        self._facts = content.strip().partition("\n")[0]
        self._lines = {self._key(line): line for line in content.splitlines() if line.startswith("| ")}

    def write(self, facts: str, head: Cells, lines: Sequence[Cells], order: Sequence[str]) -> None:
        """Replace `lines` and keep the others, in this order. Without `facts` those of the page stay."""
        known = self._lines | {line[self._column]: _line(line) for line in lines}
        table = [_line(head), _line(["---"] * len(head)), *(known[name] for name in order if name in known)]
        text = "\n".join(table)
        self._page.write_text(
            f"{self._before}{self._begin}\n\n{facts or self._facts}\n\n{text}\n\n{self._end}{self._after}", "utf-8"
        )

    def _key(self, line: str) -> str:
        return line.split(" | ")[self._column].removeprefix("| ")
