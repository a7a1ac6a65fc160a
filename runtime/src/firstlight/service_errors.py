"""The errors that a handler raises to answer with a problem: one class for each status."""

# ServiceError                    500
# ├── BadRequestError             400
# ├── UnauthorizedError           401
# ├── ForbiddenError              403
# ├── NotFoundError               404
# ├── NotAcceptableError          406
# ├── ConflictError               409
# ├── PreconditionFailedError     412
# ├── InvalidError                422
# ├── PreconditionRequiredError   428
# ├── TooManyRequestsError        429
# ├── UnavailableError            503
# ├── DeadlineExceededError       504
# └── InsufficientStorageError    507

import math
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from types import MappingProxyType
from typing import ClassVar

from .problem_types import meaning

RETRY_AFTER_SECONDS = 5
LISTED_ERRORS = 20  # the others are only counted: a body of 1 MB can have half a million
_NOTHING: Mapping[str, str] = MappingProxyType({})


class ServiceError(Exception):
    """An error whose text clients may read: `str(error)` becomes `detail` of the problem document. Status 500."""

    status: ClassVar[HTTPStatus] = HTTPStatus.INTERNAL_SERVER_ERROR
    headers: Mapping[str, str] = _NOTHING
    members: Mapping[str, object] = MappingProxyType({})
    """Additional members of the problem document. `type` and `title` replace those of the status."""

    @property
    def detail(self) -> str:
        """The text of the error; without one, what its status means."""
        return str(self) or meaning(self.status)


class BadRequestError(ServiceError):
    """The request is malformed: it cannot be read, so nothing can be said about its values. Status 400."""

    status = HTTPStatus.BAD_REQUEST


class UnauthorizedError(ServiceError):
    """The request has no valid credentials. Status 401 with `WWW-Authenticate: Bearer`."""

    status = HTTPStatus.UNAUTHORIZED
    headers = MappingProxyType({"WWW-Authenticate": "Bearer"})


class ForbiddenError(ServiceError):
    """The caller is known, and not allowed to do this. Status 403."""

    status = HTTPStatus.FORBIDDEN


class NotFoundError(ServiceError):
    """What the request names does not exist. Status 404."""

    status = HTTPStatus.NOT_FOUND


class NotAcceptableError(ServiceError):
    """There is no response in a media type or version that `Accept` allows. Status 406."""

    status = HTTPStatus.NOT_ACCEPTABLE


class ConflictError(ServiceError):
    """The request contradicts the current state, for example a name that is taken. Status 409."""

    status = HTTPStatus.CONFLICT


class PreconditionFailedError(ServiceError):
    """The resource has changed since the client read it. Status 412."""

    status = HTTPStatus.PRECONDITION_FAILED


class InvalidError(ServiceError):
    """The request is well-formed and not valid. Status 422."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY

    def __init__(
        self,
        detail: str = "The request is not valid.",
        errors: Sequence[Mapping[str, str]] = (),
        errors_total: int = 0,
    ) -> None:
        """`errors` are objects such as `{"pointer": "/name", "detail": "..."}`, with JSON pointers (RFC 6901).

        The document lists the first 20. `errors_total` is the number of all errors, if `errors` does not hold all.
        """
        super().__init__(detail)
        total = max(errors_total, len(errors))
        members: dict[str, object] = {"errors": errors[:LISTED_ERRORS]} if errors else {}
        self.members = {**members, "errors_total": total} if total > LISTED_ERRORS else members


class PreconditionRequiredError(ServiceError):
    """The request must say which state of the resource it changes, with `If-Match`. Status 428."""

    status = HTTPStatus.PRECONDITION_REQUIRED


class TooManyRequestsError(ServiceError):
    """The caller has reached a limit. Status 429 with `Retry-After`."""

    status = HTTPStatus.TOO_MANY_REQUESTS

    def __init__(self, detail: str = "", retry_after_seconds: float = 1, headers: Mapping[str, str] = _NOTHING) -> None:
        """`retry_after_seconds` is rounded up to whole seconds, at least 1. `headers` are added to the response."""
        super().__init__(*([detail] if detail else ()))
        self.headers = {"Retry-After": str(max(1, math.ceil(retry_after_seconds))), **headers}


class UnavailableError(ServiceError):
    """The service cannot answer now, but may later. Status 503 with `Retry-After: 5`."""

    status = HTTPStatus.SERVICE_UNAVAILABLE
    headers: Mapping[str, str] = MappingProxyType({"Retry-After": str(RETRY_AFTER_SECONDS)})


class DeadlineExceededError(ServiceError):
    """The request was not finished in time. Status 504."""

    status = HTTPStatus.GATEWAY_TIMEOUT


class InsufficientStorageError(ServiceError):
    """No space is left for what the request creates: a limit is reached. Status 507, no failure of the service."""

    status = HTTPStatus.INSUFFICIENT_STORAGE
