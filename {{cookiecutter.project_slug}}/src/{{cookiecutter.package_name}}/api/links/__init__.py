"""Short links, an example to learn from.

To remove it, delete this folder, `tests/api/links/`, and its lines in `service.py`, `metrics.py` and the contract.
"""

from .operations import OPERATIONS
from .store import LINKS

__all__ = ["LINKS", "OPERATIONS"]
