"""The findings: tables and verdicts, the same text for a terminal and for `docs/benchmarks.md`."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import comb
from statistics import median
from textwrap import fill

Row = Sequence[str]
WIDTH = 120
TAIL = 0.025  # of the true median lying below the interval, and above it
WORDS = {True: "met", False: "**not met**", None: "undecided: busy machine"}


@dataclass(frozen=True)
class Verdict:
    """A target, what was measured, and whether that is within it."""

    target: str
    measured: str
    met: bool | None  # None: the machine was too busy to tell

    @property
    def row(self) -> Row:
        """As a line of the table of targets."""
        return self.target, self.measured, WORDS[self.met]


@dataclass(frozen=True)
class Section:
    """What one part found."""

    title: str
    method: str
    head: Row = ()
    rows: Sequence[Row] = ()
    verdicts: Sequence[Verdict] = ()
    short: str = ""  # one sentence for the README
    parts: Sequence["Section"] = ()

    @property
    def text(self) -> str:
        """Title, method and table; then the same of the parts, one level below."""
        own = [f"## {self.title}", fill(self.method, WIDTH), *([table(self.head, self.rows)] if self.head else [])]
        return "\n\n".join([*own, *(f"#{part.text}".rstrip() for part in self.parts)]) + "\n"


def table(head: Row, rows: Iterable[Row]) -> str:
    """A Markdown table whose columns line up: words to the left, numbers to the right."""
    lines = [head, *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    rule = ["-" * width if column == 0 else "-" * (width - 1) + ":" for column, width in enumerate(widths)]
    return "\n".join(_line(cells, widths) for cells in [head, rule, *lines[1:]])


def _line(cells: Row, widths: Sequence[int]) -> str:
    first, *others = zip(cells, widths, strict=True)
    return "| " + " | ".join([first[0].ljust(first[1]), *(cell.rjust(width) for cell, width in others)]) + " |"


def spread(values: Sequence[float], digits: int) -> Row:
    """Minimum, median and maximum, as cells."""
    return tuple(f"{value:.{digits}f}" for value in (min(values), median(values), max(values)))


@dataclass(frozen=True)
class Estimate:
    """A median, and the interval that holds the true one in 95 cases of 100 (all values, when they are few)."""

    median: float
    low: float
    high: float

    def text(self, digits: int) -> str:
        """As a cell."""
        return f"{self.median:.{digits}f} ({self.low:.{digits}f} to {self.high:.{digits}f})"


def estimate(values: Sequence[float]) -> Estimate:
    """Take the interval from the order of the values: nothing is supposed about how they are distributed."""
    ordered, number = sorted(values), len(values)
    left, below = 0, comb(number, 0) / 2**number
    while left + 1 < number / 2 and below + comb(number, left + 1) / 2**number <= TAIL:
        left += 1
        below += comb(number, left) / 2**number
    return Estimate(median(values), ordered[left], ordered[-1 - left])


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest value that `percent` of all do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]
