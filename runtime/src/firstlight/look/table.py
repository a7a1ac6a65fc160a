"""A table for the terminal: the first column is text, all others are numbers."""

from collections.abc import Iterator, Sequence

from ..terminal import Paint, printable

GAP = "  "


def lines(heading: Sequence[str], rows: Sequence[Sequence[str]], paint: Paint) -> Iterator[str]:
    """The lines of the table. Text of clients in it cannot move the cursor."""
    shown = [[printable(cell) for cell in row] for row in (heading, *rows)]
    widths = [max(len(row[column]) for row in shown) for column in range(len(heading))]
    for place, (first, *others) in enumerate(shown):
        numbers = (f"{cell:>{width}}" for cell, width in zip(others, widths[1:], strict=True))
        line = GAP.join((f"{first:<{widths[0]}}", *numbers))
        yield f"  {paint(line, 'dim') if place == 0 else line}"
