"""What an operation refuses before it reads its input: an `Accept` without JSON, and a change without a condition."""

from collections.abc import Callable, Sequence

from starlette.requests import Request

from ..accept import allows_json, field
from ..conditional.preconditions import require
from ..problems import NotAcceptableError
from ..versions.version import ByMediaType
from .operation import Operation

_ACCEPT = b"accept"


def checks_of(operation: Operation) -> Sequence[Callable[[Request], None]]:
    """The checks of every request, in their order. Each raises the error of a request that it refuses."""
    checks: list[Callable[[Request], None]] = []
    if operation.sends_json and not isinstance(operation.version and operation.version.by, ByMediaType):
        checks.append(_accepts_json)
    if operation.precondition_required:
        checks.append(require)
    return checks


def _accepts_json(request: Request) -> None:
    if not allows_json(field(request.scope, _ACCEPT)):
        raise NotAcceptableError
