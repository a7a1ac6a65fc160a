"""Operations: one row for each thing that clients can ask for. Routes and validation come from the same table."""

import inspect
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, request_response
from starlette.types import ASGIApp, Receive, Scope, Send

from . import forms
from .latency import Latency
from .media_type import require_json
from .problems import client_input

Coroutine = Callable[..., Awaitable[Response]]
Handler = Coroutine | Callable[..., Response]
Around = Callable[[ASGIApp, "Operation"], ASGIApp]
Awaited = Callable[[Handler], Coroutine]


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """What a client can ask for, and what it is answered.

    `handler` is a coroutine function that gets the request, then `body=`, `form=` and `query=` where they are declared,
    already valid. What is not valid has been answered with 422 before, a body of another media type with 415. A plain
    function does as well, and runs in a thread.
    """

    method: str
    path: str
    handler: Handler
    body: type[BaseModel] | None = None
    """The JSON document of the request."""
    form: type[BaseModel] | None = None
    """The fields and files of the request, in place of `body`: `multipart/form-data` or URL-encoded. A file is a
    `starlette.datastructures.UploadFile`, closed when the handler has returned. Needs `python-multipart`."""
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

    def app(self, awaited: Awaited) -> ASGIApp:
        """The operation as an ASGI application. `awaited` makes a coroutine function of the handler."""
        return request_response(self._endpoint(awaited(self.handler)))

    def _endpoint(self, handler: Coroutine) -> Coroutine:
        if self.body is None and self.form is None and self.query is None:
            return handler

        async def endpoint(request: Request) -> Response:
            async with AsyncExitStack() as stack:
                return await handler(request, **await self._given(request, stack))

        return endpoint

    async def _given(self, request: Request, stack: AsyncExitStack) -> Mapping[str, BaseModel]:
        """What the handler gets beside the request. Files are closed with the stack."""
        given: dict[str, BaseModel] = {}
        if self.body is not None:
            require_json(request)
        with client_input():
            if self.query is not None:
                given["query"] = self.query.model_validate(dict(request.query_params))
            if self.body is not None:
                given["body"] = self.body.model_validate_json(await request.body())
            if self.form is not None:
                given["form"] = await stack.enter_async_context(forms.read(request, self.form))
        return given


class _ByMethod:
    """The operations of one path: one route, so that a 405 names all methods."""

    def __init__(self, apps: Mapping[str, ASGIApp]) -> None:
        self._apps = apps

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        method = scope["method"]
        await self._apps[method if method in self._apps else "GET"](scope, receive, send)  # HEAD, unless declared


def routes(operations: Iterable[Operation], around: Around, awaited: Awaited) -> Sequence[Route]:
    """One route for each path, in the order of first mention. `around` wraps each operation's application."""
    paths: dict[str, dict[str, Any]] = {}
    names: dict[str, str] = {}
    for operation in operations:
        apps = paths.setdefault(operation.path, {})
        apps[operation.method] = around(operation.app(awaited), operation)
        names.setdefault(operation.path, operation.name)
    return [Route(path, _ByMethod(apps), methods=list(apps), name=names[path]) for path, apps in paths.items()]
