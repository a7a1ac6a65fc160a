"""Marks reported errors, so that each is reported once, also if several lines and layers log it.

The mark is an attribute of the exception, so it needs no memory after that. The few classes without attributes, which
are written in C, are reported once for each line.
"""

from collections.abc import Callable
from contextlib import suppress

Report = Callable[[BaseException], object]
_MARK = "_firstlight_reported"


def claim(error: BaseException) -> bool:
    """Whether this error was not reported before. The caller that gets True reports it."""
    with suppress(AttributeError):
        # A copy that another process has unpickled has the mark of the original.
        if object.__getattribute__(error, _MARK) == id(error):
            return False
    with suppress(AttributeError, TypeError):
        object.__setattr__(error, _MARK, id(error))  # the class may override `__setattr__`
    return True


def reported(error: BaseException) -> None:
    """Mark the error as reported, so that no log line reports it again."""
    claim(error)


def ignore(_: BaseException) -> None:
    """Do nothing."""
