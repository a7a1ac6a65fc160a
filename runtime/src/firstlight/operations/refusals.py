"""What an operation refuses before it reads its input: an `Accept` without JSON."""

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response

from ..accept import allows_json, field
from ..problems import NotAcceptableError
from ..versions.version import ByMediaType
from .operation import Operation

Endpoint = Callable[[Request], Awaitable[Response]]
_ACCEPT = b"accept"


def refusing(operation: Operation, inner: Endpoint) -> Endpoint:
    """The endpoint of the operation after this check."""
    if not operation.sends_json or isinstance(operation.version and operation.version.by, ByMediaType):
        return inner

    async def endpoint(request: Request) -> Response:
        if not allows_json(field(request.scope, _ACCEPT)):
            raise NotAcceptableError
        return await inner(request)

    return endpoint
