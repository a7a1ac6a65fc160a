"""Errors as clients see them: problem documents (RFC 9457) with the request id and trace id of their log lines.

A handler raises a `ServiceError`; clients get its status, its text and its members.
"""

from collections.abc import Mapping
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ExceptionHandler

from .context import current_request
from .field_errors import client_input
from .problem_types import PROBLEM_TYPES, ProblemType, type_and_title
from .service_errors import (
    RETRY_AFTER_SECONDS,
    BadRequestError,
    ConflictError,
    DeadlineExceededError,
    InsufficientStorageError,
    InvalidError,
    NotAcceptableError,
    NotFoundError,
    PreconditionFailedError,
    PreconditionRequiredError,
    ServiceError,
    TooManyRequestsError,
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
    "UnavailableError",
    "client_input",
]

UNEXPECTED = "The service failed to answer. The ids in this document find the reason in its logs."
STOPPED = "The service stopped before this request was complete. The ids in this document find it in the logs."
WITHOUT_BODY = frozenset({204, 205, 304})
_NOT_STORED = {"Cache-Control": "no-store"}  # a cache may otherwise store a 404 or a 410 without being told to


class ProblemResponse(JSONResponse):
    """A problem document as a response."""

    media_type = "application/problem+json"

    def __init__(self, status: int, detail: str, headers: Mapping[str, str] | None = None, **extra: Any) -> None:
        """Build the document for the request in progress. `extra` members are added to the standard ones."""
        request = current_request()
        ids = {} if request is None else {"request_id": request.request_id, "trace_id": request.trace_id}
        kind, title = type_and_title(status)
        document = {"type": kind, "title": title, "status": status, "detail": detail, **ids, **extra}
        super().__init__(
            document, status_code=status, headers=_NOT_STORED if headers is None else {**_NOT_STORED, **headers}
        )


async def _on_http_exception(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code in WITHOUT_BODY:
        return Response(status_code=error.status_code, headers=error.headers)
    return ProblemResponse(error.status_code, error.detail, error.headers)


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
