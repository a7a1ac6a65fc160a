"""Applications that a team mounts: Starlette's and FastAPI's, with the lifespan, problems and telemetry of the service.

FastAPI is never imported here: its applications are Starlette's, with handlers and telemetry of their own.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, cast

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Host, Mount
from starlette.types import ASGIApp, ExceptionHandler, Receive, Scope, Send

from .field_errors import refusal
from .operations.operation import Operation
from .problems import EXCEPTION_HANDLERS
from .service import Service
from .service_errors import LISTED_ERRORS, ServiceError

_FAILED = 500
_FASTAPI = "fastapi"
_HANDLERS = "fastapi.exception_handlers"  # the module of those that FastAPI adds to each application
_INVALID = "RequestValidationError"
_TELEMETRY = "fastapi.telemetry"  # in the scope: FastAPI's own telemetry is off for a request that has this
_OUTSIDE_OF_THE_BODY = frozenset({"query", "path", "header", "cookie"})


def applications(service: Service) -> Sequence[tuple[str, Starlette]]:
    """The mounted applications with their paths."""
    declared = (service.routes, *(component.routes for component in service.components))
    return [found for rows in declared for found in _below(rows, "")]


def _below(rows: Iterable[BaseRoute | Operation], prefix: str) -> Iterator[tuple[str, Starlette]]:
    for row in rows:
        if isinstance(row, Mount | Host):
            path = prefix + getattr(row, "path", "")
            base = getattr(row, "_base_app", row.app)  # a mount has its own middleware around it
            if isinstance(base, Starlette):
                yield path or "/", base
            yield from _below(row.routes or (), path)


def middleware(service: Service) -> Sequence[Middleware]:
    """What switches FastAPI's own telemetry off: the data plane records the request."""
    has_fastapi = any(_is_fastapi(type(app)) for _, app in applications(service))
    return [Middleware(_WithoutTelemetry)] if has_fastapi else []


class _WithoutTelemetry:
    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope[_TELEMETRY] = None
        await self._app(scope, receive, send)


def answer_with_problems(service: Service, handlers: Mapping[Any, ExceptionHandler]) -> None:
    """Let mounted applications answer errors as the service does, unless the team has given them handlers.

    Their middleware is built at the first request, so the handlers can still be added.
    """
    for _, app in applications(service):
        if not app.debug:
            given = app.exception_handlers
            foreign = {error for error, handler in given.items() if getattr(handler, "__module__", "") == _HANDLERS}
            for error in foreign & handlers.keys():
                del given[error]
            given.update({error: _on_invalid for error in foreign if getattr(error, "__name__", "") == _INVALID})
            if _FAILED in given:  # another way to handle every exception
                given.setdefault(Exception, given[_FAILED])
            app.exception_handlers = {**handlers, **given}


async def _on_invalid(request: Request, error: Exception) -> Response:
    """Answer FastAPI's `RequestValidationError`. The first part of a location says where the value is."""
    found = cast("Any", error).errors()
    errors = [_located(each) for each in islice(found, LISTED_ERRORS)]
    answer = cast("Any", EXCEPTION_HANDLERS[ServiceError])
    response: Response = await answer(request, refusal(errors, len(found)))
    return response


def _located(details: Mapping[str, Any]) -> Mapping[str, Any]:
    place, *location = details["loc"] or ("body",)
    named = {"in": place} if place in _OUTSIDE_OF_THE_BODY else {}
    return {**details, "loc": location, **named}


def _is_fastapi(kind: type) -> bool:
    return any(each.__module__.partition(".")[0] == _FASTAPI for each in kind.__mro__)
