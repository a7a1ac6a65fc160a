"""Which errors have been reported, so that each is reported once, however many lines and layers tell of it.

The mark is an attribute of the exception: it ends with it, and keeps nothing alive. The few classes of C that take no
attribute are reported once for each line.
"""

from collections.abc import Callable
from contextlib import suppress

Report = Callable[[BaseException], object]
_MARK = "_firstlight_reported"


def claim(error: BaseException) -> bool:
    """Whether this error was not reported before. The caller that gets True reports it."""
    with suppress(AttributeError):
        # A copy, as another process unpickles it, has the mark of its original.
        if object.__getattribute__(error, _MARK) == id(error):
            return False
    with suppress(AttributeError, TypeError):
        object.__setattr__(error, _MARK, id(error))  # whatever the class overrides
    return True


def reported(error: BaseException) -> None:
    """Say that this error has been reported: no log line will report it again."""
    claim(error)


def ignore(_: BaseException) -> None:
    """Report nothing."""
