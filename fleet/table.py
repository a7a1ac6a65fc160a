"""The table of services."""

from collections.abc import Callable, Iterator, Sequence
from datetime import date

from .checkouts import Checkout
from .newest import Newest

HEADINGS = ("service", "team", "version", "supported until", "behind")
FINDINGS = "findings"


def rows(
    checkouts: Sequence[Checkout], newest: Newest, today: date, findings: Callable[[Checkout], str] | None = None
) -> Iterator[tuple[str, ...]]:
    """The headings, then one row for each service. Without `findings` the doctors are not asked."""
    yield (*HEADINGS, *([FINDINGS] if findings else []))
    for checkout in checkouts:
        row = (
            checkout.name,
            checkout.team or "?",
            checkout.version or "before 0.2",
            _end(checkout.supported_until, today),
            newest.behind(checkout),
        )
        yield (*row, *([findings(checkout)] if findings else []))


def _end(until: date | None, today: date) -> str:
    if until is None:
        return "?"
    return f"{until}, over" if until < today else str(until)


def aligned(table: Sequence[tuple[str, ...]]) -> Iterator[str]:
    """The rows as lines, in columns."""
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    for row in table:
        yield "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip()
