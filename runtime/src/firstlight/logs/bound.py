"""Whether anything has been bound to the lines of a request.

`structlog` only tells by a copy of the whole context, which costs more than the rest of a line.
"""

from structlog import contextvars

_VARIABLES = contextvars._CONTEXT_VARS  # noqa: SLF001 - one for each name that was ever bound


def is_anything_bound() -> bool:
    """Whether `bind_contextvars` may have something for the current context."""
    return any(variable.get(...) is not ... for variable in _VARIABLES.values()) if _VARIABLES else False
