"""The cost in short: the same lines at the top of `docs/benchmarks.md` and between two markers of the README."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from textwrap import fill

from . import cpu, instructions
from .processes import FailedError
from .report import WIDTH, Row, Section, table

BEGIN, END = "<!-- written by make bench: begin -->", "<!-- written by make bench: end -->"
BUSY = "**The machine was busy: times are too high, and targets of time are undecided.**"
HEAD = ("One request", "CPU, us", "times bare", "instructions, thousands", "times bare")


def summary(sections: Mapping[str, Section], setting: str) -> str:
    """CPU and instructions side by side, then a sentence of each part. `setting` says where it was measured."""
    sentences = fill(" ".join(section.short for section in sections.values() if section.short), WIDTH)
    if any(verdict.met is None for section in sections.values() for verdict in section.verdicts):
        sentences = f"{BUSY}\n\n{sentences}"
    rows = _rows(sections["cpu"], sections.get("instructions"))
    return f"{setting}\n\n{table(HEAD, rows)}\n\n{sentences}"


def into(page: Path, text: str) -> None:
    """Put it between the markers of a page. Raises `FailedError` when they are not there."""
    old = page.read_text(encoding="utf-8")
    before, begin, rest = old.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        msg = f"{page.name} lacks the lines {BEGIN} and {END}."
        raise FailedError(msg)
    page.write_text(f"{before}{BEGIN}\n{text}\n{END}{after}", encoding="utf-8")


def between_markers(page: Path) -> str:
    """What stands between the markers of a page."""
    return page.read_text(encoding="utf-8").partition(BEGIN)[2].partition(END)[0].strip()


def _rows(cost: Section, counted: Section | None) -> Sequence[Row]:
    counts = {row[0]: row for row in counted.rows} if counted and len(counted.head) > 1 else {}
    rows = []
    for row in cost.rows:
        cells = dict(zip(cost.head, row, strict=True))
        rows.append(
            (row[0], cells["median"], cells[cpu.TIMES].partition(" ")[0], *_counted(counted, counts.get(row[0])))
        )
    return rows


def _counted(counted: Section | None, row: Row | None) -> Row:
    if counted is None or row is None:
        return "-", "-"
    cells = dict(zip(counted.head, row, strict=True))
    return f"{int(cells[instructions.LOOP]) + int(cells[instructions.OTHERS])}", cells[instructions.TIMES]
