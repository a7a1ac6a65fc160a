"""Errors as clients see them: problem documents (RFC 9457) with the request id and trace id of their log lines.

A handler raises a `ServiceError`; clients get its status, its text and its members.
"""

import http.client
from collections.abc import Mapping
from typing import Any, cast

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ExceptionHandler

from .console_link import ConsoleLink
from .context import current_request
from .field_errors import client_input, unknown_members
from .problem_document import MEDIA_TYPE, document, encoded
from .problem_types import PROBLEM_TYPES, ProblemType, meaning
from .service_errors import (
    RETRY_AFTER_SECONDS,
    BadRequestError,
    ConflictError,
    DeadlineExceededError,
    ForbiddenError,
    InsufficientStorageError,
    InvalidError,
    NotAcceptableError,
    NotFoundError,
    PreconditionFailedError,
    PreconditionRequiredError,
    ServiceError,
    TooManyRequestsError,
    UnauthorizedError,
    UnavailableError,
)

__all__ = [
    "EXCEPTION_HANDLERS",
    "PROBLEM_TYPES",
    "RETRY_AFTER_SECONDS",
    "STOPPED",
    "UNEXPECTED",
    "BadRequestError",
    "ConflictError",
    "DeadlineExceededError",
    "ForbiddenError",
    "InsufficientStorageError",
    "InvalidError",
    "NotAcceptableError",
    "NotFoundError",
    "PreconditionFailedError",
    "PreconditionRequiredError",
    "ProblemResponse",
    "ProblemType",
    "ServiceError",
    "TooManyRequestsError",
    "UnauthorizedError",
    "UnavailableError",
    "client_input",
    "unknown_members",
]

UNEXPECTED = "The service failed to answer. The ids in this document find the reason in its logs."
STOPPED = "The service stopped before this request was complete. The ids in this document find it in the logs."
WITHOUT_BODY = frozenset({204, 205, 304})
_NOT_STORED = {"Cache-Control": "no-store"}  # a cache may otherwise store a 404 or a 410 without being told to


class ProblemResponse(JSONResponse):
    """A problem document as a response."""

    media_type = MEDIA_TYPE

    def __init__(self, status: int, detail: str, headers: Mapping[str, str] | None = None, **extra: Any) -> None:
        """Build the document for the request in progress. `extra` members are added to the standard ones."""
        request = current_request()
        ids = {} if request is None else {"request_id": request.request_id, "trace_id": request.trace_id}
        if request is not None and ConsoleLink.address:
            ids |= ConsoleLink.members(request.trace_id)
        super().__init__(
            document(status, detail, ids, extra),
            status_code=status,
            headers=_NOT_STORED if headers is None else {**_NOT_STORED, **headers},
        )

    def render(self, content: Any) -> bytes:
        """The document as JSON."""
        return encoded(content)


async def _on_http_exception(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    status, detail = error.status_code, cast("object", error.detail)
    if status in WITHOUT_BODY:
        return Response(status_code=status, headers=error.headers)
    if not isinstance(detail, str):  # FastAPI allows any value
        return ProblemResponse(status, meaning(status), error.headers, info=detail)
    said = detail if detail != http.client.responses.get(status) else meaning(status)
    return ProblemResponse(status, said, error.headers)


async def _on_service_error(_: Request, error: Exception) -> ProblemResponse:
    assert isinstance(error, ServiceError)
    return ProblemResponse(error.status, error.detail, error.headers, **error.members)


async def _on_unexpected(_: Request, __: Exception) -> ProblemResponse:
    return ProblemResponse(500, UNEXPECTED)


EXCEPTION_HANDLERS: Mapping[Any, ExceptionHandler] = {
    HTTPException: _on_http_exception,
    ServiceError: _on_service_error,
    Exception: _on_unexpected,
}
