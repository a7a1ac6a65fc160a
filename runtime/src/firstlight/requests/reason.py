"""The reason of a 5xx: the error that a handler turned into the response, in one field of the access event.

A 429 has one too: the name of the rate limit.

An unexpected error has its own log line with the traceback. An error with a handler, such as an unreachable dependency,
would leave only a status.
"""

from collections.abc import Iterator
from http import HTTPStatus
from itertools import islice
from typing import Any, cast

from starlette.concurrency import run_in_threadpool
from starlette.requests import HTTPConnection
from starlette.responses import Response
from starlette.types import ExceptionHandler

from ..logs.limits import cut
from ..logs.redaction import redact_text
from ..security.events import security_events
from ..summary import summary
from .handler import is_plain_function
from .outcome import FULL

REASON = "firstlight.reason"  # in the scope
REASON_BYTES = 1024
CAUSES = 4


def noted(handler: ExceptionHandler) -> ExceptionHandler:
    """The handler, which also notes the error in the scope when it returns a 5xx."""
    answer = cast("Any", handler)

    async def handle(request: HTTPConnection, error: Exception) -> Response | None:
        response: Response | None
        if is_plain_function(handler):
            response = await run_in_threadpool(answer, request, error)
        else:
            response = await answer(request, error)
        if response is not None and response.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
            request.scope[REASON] = _described(error)
            if response.status_code == FULL:
                security_events.record("capacity_reached")
        return response

    return cast("ExceptionHandler", handle)


def _described(error: Exception) -> str:
    """The error with its causes, without secrets."""
    return redact_text(cut(" <- ".join(map(summary, islice(_causes(error), CAUSES))), REASON_BYTES))


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
