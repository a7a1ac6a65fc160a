"""Whether fields are bound to the log lines of the current request.

`structlog` answers only with a copy of the whole context, which costs more than the rest of a line.
"""

from structlog import contextvars

_VARIABLES = contextvars._CONTEXT_VARS  # noqa: SLF001 - one variable for each name that was ever bound


def is_anything_bound() -> bool:
    """Whether `bind_contextvars` has bound a field in the current context."""
    return any(variable.get(...) is not ... for variable in _VARIABLES.values()) if _VARIABLES else False
