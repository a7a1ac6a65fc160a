"""Short links.

They are an example to learn from: "Copy the resource" in the README makes another resource from this folder.
"""

from . import operations, visits
from .store import LINKS

OPERATIONS = (*operations.OPERATIONS, *visits.OPERATIONS)

__all__ = ["LINKS", "OPERATIONS"]
