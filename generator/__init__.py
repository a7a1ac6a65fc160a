"""What the template offers beyond plain Jinja: checked answers, safe text, files chosen by their place.

`firstlight_extension.py` loads this package anew for every environment; see there for why its modules import each other
relatively, and only at their top.
"""

from .delimiters import preprocess
from .environment import extend

__all__ = ["extend", "preprocess"]
