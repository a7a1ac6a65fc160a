"""What the template offers beyond plain Jinja: checked answers, safe text, files chosen by their place.

`firstlight_extension.py` loads this package anew for every environment; see there for why its modules import each other
relatively, and only at their top. An update lets the door of the older version load this one: `extend` and `preprocess`
keep their names and arguments.
"""

from .delimiters import preprocess
from .environment import extend

__all__ = ["extend", "preprocess"]
