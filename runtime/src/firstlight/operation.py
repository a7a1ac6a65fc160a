"""Operations: one row for each thing that clients can ask for. Routes and validation come from the same table."""

import inspect
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, request_response
from starlette.types import ASGIApp, Receive, Scope, Send

from .latency import Latency
from .media_type import require_json
from .problems import client_input

Handler = Callable[..., Awaitable[Response]]
Around = Callable[[ASGIApp, "Operation"], ASGIApp]


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """What a client can ask for, and what it is answered.

    `handler` is a coroutine function that gets the request, then `body=` and `query=` where these are declared, already
    valid. What is not valid has been answered with 422 before, a body that is not JSON with 415.
    """

    method: str
    path: str
    handler: Handler
    body: type[BaseModel] | None = None
    """The JSON document of the request."""
    query: type[BaseModel] | None = None
    """The parameters of the query string. A parameter given twice counts with its last value."""
    answers: Mapping[int, type[BaseModel] | None] = field(default_factory=lambda: {200: None})
    """The documents of the answers by status code; None where there is no JSON document."""
    problems: Sequence[int] = ()
    """Status codes of the problem documents that this operation may answer with."""

    # What middleware reads. An operation without these is open, costs one, and is neither stored nor repeated.
    policy: str | None = None
    """The security scheme that a caller has to satisfy."""
    cost: int = 1
    """How much of a rate limit one call uses."""
    idempotent: bool = False
    """Whether an `Idempotency-Key` is honoured."""
    cache_seconds: float | None = None
    """How long an answer may be stored."""
    deadline_seconds: float | None = None
    """How long the handler may take."""
    latency: Latency | None = field(default_factory=Latency)
    """When it is fast enough. None: no latency objective holds it."""

    @property
    def name(self) -> str:
        """A stable name: that of the handler."""
        return self.handler.__name__

    @property
    def summary(self) -> str:
        """What it does: the first line of the handler's docstring."""
        return (inspect.getdoc(self.handler) or "").partition("\n")[0]

    def app(self) -> ASGIApp:
        """The operation as an ASGI application."""
        return request_response(self._endpoint())

    def _endpoint(self) -> Callable[[Request], Awaitable[Response]]:
        handler, body, query = self.handler, self.body, self.query
        if body is None and query is None:
            return handler

        async def endpoint(request: Request) -> Response:
            given: dict[str, BaseModel] = {}
            if body is not None:
                require_json(request)
            with client_input():
                if query is not None:
                    given["query"] = query.model_validate(dict(request.query_params))
                if body is not None:
                    given["body"] = body.model_validate_json(await request.body())
            return await handler(request, **given)

        return endpoint


class _ByMethod:
    """The operations of one path: one route, so that a 405 names all methods."""

    def __init__(self, apps: Mapping[str, ASGIApp]) -> None:
        self._apps = apps

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        method = scope["method"]
        await self._apps[method if method in self._apps else "GET"](scope, receive, send)  # HEAD, unless declared


def routes(operations: Iterable[Operation], around: Around) -> Sequence[Route]:
    """One route for each path, in the order of first mention. `around` wraps each operation's application."""
    paths: dict[str, dict[str, Any]] = {}
    names: dict[str, str] = {}
    for operation in operations:
        apps = paths.setdefault(operation.path, {})
        apps[operation.method] = around(operation.app(), operation)
        names.setdefault(operation.path, operation.name)
    return [Route(path, _ByMethod(apps), methods=list(apps), name=names[path]) for path, apps in paths.items()]
