"""The generator: checks answers, quotes text, and chooses files by their path.

`firstlight_extension.py` loads this package again for every environment, and says why its modules import each other
relatively, and only at their top. An update loads this package from the older version's `firstlight_extension.py`, so
`extend` and `preprocess` must keep their names and arguments.
"""

from .delimiters import preprocess
from .environment import extend

__all__ = ["extend", "preprocess"]
