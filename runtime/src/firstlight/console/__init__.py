"""The development console: a page on the management port that shows what this process has recorded.

Nothing of it is imported unless `CONSOLE` is true. Its data is kept in memory, in rings that are limited in bytes.
"""

from .console import Console

__all__ = ["Console"]
