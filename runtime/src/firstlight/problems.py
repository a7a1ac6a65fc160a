"""Errors as clients see them: problem documents (RFC 9457) with the request id and trace id of their log lines.

A handler raises a `ServiceError`; clients get its status, its text and its members.
"""

# ServiceError
# ├── NotFoundError       404
# ├── ConflictError       409
# ├── InvalidError        422
# └── UnavailableError    503

import http.client
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from http import HTTPStatus
from types import MappingProxyType
from typing import Any, ClassVar

from pydantic import ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ExceptionHandler

from .context import current_request

RETRY_AFTER_SECONDS = 5
UNEXPECTED = "The service failed to answer. The ids in this document find the reason in its logs."
STOPPED = "The service stopped before this request was complete. The ids in this document find it in the logs."
WITHOUT_BODY = frozenset({204, 205, 304})
LISTED_ERRORS = 20  # the others are only counted: a body of 1 MB can have half a million
POINTER_CHARACTERS, DETAIL_CHARACTERS = 200, 500


class ServiceError(Exception):
    """An error whose text clients may read: `str(error)` becomes `detail` of the problem document. Status 500."""

    status: ClassVar[HTTPStatus] = HTTPStatus.INTERNAL_SERVER_ERROR
    headers: ClassVar[Mapping[str, str]] = {}
    members: Mapping[str, object] = MappingProxyType({})  # additional members of the problem document


class NotFoundError(ServiceError):
    """What the request names does not exist. Status 404."""

    status = HTTPStatus.NOT_FOUND


class ConflictError(ServiceError):
    """The request contradicts the current state, for example a name that is taken. Status 409."""

    status = HTTPStatus.CONFLICT


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


class UnavailableError(ServiceError):
    """The service cannot answer now, but may later. Status 503 with `Retry-After: 5`."""

    status = HTTPStatus.SERVICE_UNAVAILABLE
    headers: ClassVar[Mapping[str, str]] = {"Retry-After": str(RETRY_AFTER_SECONDS)}


class ProblemResponse(JSONResponse):
    """A problem document as a response."""

    media_type = "application/problem+json"

    def __init__(self, status: int, detail: str, headers: Mapping[str, str] | None = None, **extra: Any) -> None:
        """Build the document for the request in progress. `extra` members are added to the standard ones."""
        request = current_request()
        ids = {} if request is None else {"request_id": request.request_id, "trace_id": request.trace_id}
        title = http.client.responses.get(status, "Error")
        document = {"type": "about:blank", "title": title, "status": status, "detail": detail, **ids, **extra}
        super().__init__(document, status_code=status, headers=headers)


async def _on_http_exception(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code in WITHOUT_BODY:
        return Response(status_code=error.status_code, headers=error.headers)
    return ProblemResponse(error.status_code, error.detail, error.headers)


async def _on_service_error(_: Request, error: Exception) -> ProblemResponse:
    assert isinstance(error, ServiceError)
    return ProblemResponse(error.status, str(error) or error.status.description, error.headers, **error.members)


async def _on_unexpected(_: Request, __: Exception) -> ProblemResponse:
    return ProblemResponse(500, UNEXPECTED)


@contextmanager
def client_input() -> Iterator[None]:
    """Turn a pydantic `ValidationError` raised in the context into an `InvalidError` (422).

    Outside of it, a `ValidationError` is an error of the service: 500.
    """
    try:
        yield
    except ValidationError as error:
        raise InvalidError(errors=_pointers(error), errors_total=error.error_count()) from None


def _escape(part: int | str) -> str:
    return str(part).replace("~", "~0").replace("/", "~1")


def _pointers(error: ValidationError) -> Sequence[Mapping[str, str]]:
    """The first errors with their JSON pointers (RFC 6901), without the values."""
    found = []
    for details in _first(error):
        pointer = "#" + "".join(f"/{_escape(part)}" for part in details["loc"])
        found.append({"pointer": _cut(pointer, POINTER_CHARACTERS), "detail": _cut(details["msg"], DETAIL_CHARACTERS)})
    return found


def _first(error: ValidationError) -> Iterator[Mapping[str, Any]]:
    """The first errors, read from JSON: half a million as objects take 2 s and 220 MB, as JSON a tenth of that."""
    if error.error_count() <= LISTED_ERRORS:
        yield from error.errors(include_url=False, include_input=False)
        return
    text = error.json(include_url=False, include_input=False, include_context=False)
    decoder, position = json.JSONDecoder(), 1
    for _ in range(LISTED_ERRORS):
        details, position = decoder.raw_decode(text, position)
        yield details
        position += 1  # the comma


def _cut(text: str, characters: int) -> str:
    return text if len(text) <= characters else f"{text[: characters - 1]}\N{HORIZONTAL ELLIPSIS}"


EXCEPTION_HANDLERS: Mapping[Any, ExceptionHandler] = {
    HTTPException: _on_http_exception,
    ServiceError: _on_service_error,
    Exception: _on_unexpected,
}
