"""Finds the instances of a dependency, chooses one for each call, and takes out those whose calls fail.

`discovered(name, address, settings)` opens the lookups of one dependency. docs/guides/discovery.md is for users.
"""

from .discovery import Choice, Discovered, discovered
from .ejection import Ejection
from .transport import AFFINITY, TRIED, NoInstanceError

__all__ = ["AFFINITY", "TRIED", "Choice", "Discovered", "Ejection", "NoInstanceError", "discovered"]
