"""The table of services."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date

from .checkouts import Checkout
from .newest import Newest

HEADINGS = ("service", "team", "version", "supported until", "behind")
FINDINGS = "findings"


def rows(
    checkouts: Sequence[Checkout], newest: Newest, today: date, findings: Mapping[Checkout, tuple[str, str]]
) -> Iterator[tuple[str, ...]]:
    """The headings, then one row for each service. `findings` is empty when the doctors were not asked."""
    yield (*HEADINGS, *([FINDINGS] if findings else []))
    for checkout in checkouts:
        row = (
            checkout.name,
            checkout.team or "?",
            checkout.version or ("?" if checkout.fault else "before 0.2"),
            _end(checkout.supported_until, today),
            newest.behind(checkout),
        )
        yield (*row, *([findings[checkout][0]] if findings else []))


def _end(until: date | None, today: date) -> str:
    if until is None:
        return "?"
    return f"{until}, over" if until < today else str(until)


def aligned(table: Sequence[tuple[str, ...]]) -> Iterator[str]:
    """The rows as lines, in columns."""
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    for row in table:
        yield "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip()
