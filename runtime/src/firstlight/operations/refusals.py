"""What an operation refuses before it reads its input: an `Accept` without JSON, and unknown query parameters."""

from collections.abc import Awaitable, Callable, Mapping
from itertools import islice

from starlette.requests import Request
from starlette.responses import Response

from ..accept import allows_json, field
from ..problems import InvalidError, NotAcceptableError, parameter_error
from ..service_errors import LISTED_ERRORS
from ..versions.version import ByMediaType
from .operation import Operation

Endpoint = Callable[[Request], Awaitable[Response]]
_ACCEPT = b"accept"


def refusing(operation: Operation, inner: Endpoint) -> Endpoint:
    """The endpoint of the operation after these checks."""
    negotiates = operation.sends_json and not isinstance(operation.version and operation.version.by, ByMediaType)
    no_parameters = operation.query is None and not operation.any_query
    if not (negotiates or no_parameters):
        return inner

    async def endpoint(request: Request) -> Response:
        if negotiates and not allows_json(field(request.scope, _ACCEPT)):
            raise NotAcceptableError
        if no_parameters and request.scope["query_string"]:
            _refuse_parameters(request.query_params)
        return await inner(request)

    return endpoint


def _refuse_parameters(given: Mapping[str, str]) -> None:
    if given:
        errors = [parameter_error(name) for name in islice(given, LISTED_ERRORS)]
        raise InvalidError(errors=errors, errors_total=len(given))
