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


def markdown(head: Cells, lines: Sequence[Cells]) -> str:
    """For a page."""
    rows = [head, ["---"] * len(head), *lines]
    return "\n".join("| " + " | ".join(map(_plain, row)) + " |" for row in rows)


def _plain(cell: str) -> str:
    """No cell may become a tag, a link or another cell."""
    return cell.replace("|", "\\|").replace("<", "&lt;").replace("*", "\\*").replace("\n", " ")


def write(page: Path, region: str, content: str) -> None:
    """Replace one region of a page, which stands between two comments."""
    begin, end = f"<!-- begin of {region} -->", f"<!-- end of {region} -->"
    before, found, rest = page.read_text("utf-8").partition(begin)
    _, also_found, after = rest.partition(end)
    if not (found and also_found):
        msg = f"{page} does not hold {begin!r} and {end!r}."
        raise LookupError(msg)
    page.write_text(f"{before}{begin}\n\n{content}\n\n{end}{after}", "utf-8")
