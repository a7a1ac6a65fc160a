"""Links: create, list, change, delete and follow them. The README says how to copy and how to remove them."""

from . import operations, v2, visits
from .cached import LINKS

OPERATIONS = (*operations.OPERATIONS, *visits.OPERATIONS, *v2.OPERATIONS)

__all__ = ["LINKS", "OPERATIONS"]
