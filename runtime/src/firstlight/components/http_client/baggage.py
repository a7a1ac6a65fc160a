"""Which entries of the baggage leave the service, and to whom: those that a dependency is declared to get."""

from collections.abc import Collection

from opentelemetry import baggage, context
from opentelemetry.context import Context

from .dependency import EVERY_ENTRY

BAGGAGE = "baggage"  # the header


def allowed(names: Collection[str]) -> Context:
    """The current context with the entries of `names` only."""
    current = context.get_current()
    entries = baggage.get_all(current)
    if entries and EVERY_ENTRY not in names:
        for name in entries:
            if name not in names:
                current = baggage.remove_baggage(name, current)
    return current
