"""Short links, an example to learn from. The README says how to copy it, and how to remove it."""

from . import operations, visits
from .store import LINKS

OPERATIONS = (*operations.OPERATIONS, *visits.OPERATIONS)

__all__ = ["LINKS", "OPERATIONS"]
