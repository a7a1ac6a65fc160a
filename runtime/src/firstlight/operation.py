"""Operations: one row for each method of a path. Routes and validation are derived from the same rows."""

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
    """One method of one path, with its input and its responses.

    `handler` is a coroutine function. It gets the request, and the validated `body=`, `form=` and `query=` that are
    declared. Invalid input is answered with 422, a body of another media type with 415, without a call of the handler.
    A plain function is also possible and runs in a thread.
    """

    method: str
    path: str
    handler: Handler
    body: type[BaseModel] | None = None
    """The model of the JSON document in the request."""
    form: type[BaseModel] | None = None
    """The model of a form, in place of `body`: `multipart/form-data` or URL-encoded. A file is a
    `starlette.datastructures.UploadFile`, which is closed when the handler has returned. Needs `python-multipart`."""
    query: type[BaseModel] | None = None
    """The model of the query string. The last value of a repeated parameter counts."""
    answers: Mapping[int, type[BaseModel] | None] = field(default_factory=lambda: {200: None})
    """The models of the responses, by status code. None for a response without a JSON document."""
    problems: Sequence[int] = ()
    """Status codes of the problem documents with which this operation may answer."""

    # Metadata for middleware. By default: no authentication, cost 1, no idempotency key, not cached.
    policy: str | None = None
    """The name of the security scheme that callers must satisfy. None: open to all."""
    cost: int = 1
    """How many units of a rate limit one call uses."""
    idempotent: bool = False
    """Whether an `Idempotency-Key` is honoured."""
    cache_seconds: float | None = None
    """How long a cache may store a response, in seconds. None: not at all."""
    deadline_seconds: float | None = None
    """How long the handler may take, in seconds. None: no limit of its own."""
    latency: Latency | None = field(default_factory=Latency)
    """Its latency objective. None excludes it from every latency objective."""

    @property
    def name(self) -> str:
        """The name of the handler function. It stays the same when the path changes."""
        return self.handler.__name__

    @property
    def summary(self) -> str:
        """The first line of the handler's docstring, or an empty text."""
        return (inspect.getdoc(self.handler) or "").partition("\n")[0]

    def app(self, awaited: Awaited) -> ASGIApp:
        """The operation as an ASGI application. `awaited` turns the handler into a coroutine function."""
        return request_response(self._endpoint(awaited(self.handler)))

    def _endpoint(self, handler: Coroutine) -> Coroutine:
        if self.body is None and self.form is None and self.query is None:
            return handler

        async def endpoint(request: Request) -> Response:
            async with AsyncExitStack() as stack:
                return await handler(request, **await self._given(request, stack))

        return endpoint

    async def _given(self, request: Request, stack: AsyncExitStack) -> Mapping[str, BaseModel]:
        """The keyword arguments of the handler. The files of a form are closed with the stack."""
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
    """The operations of one path. They share one route, so that `Allow` of a 405 names all methods."""

    def __init__(self, apps: Mapping[str, ASGIApp]) -> None:
        self._apps = apps

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        method = scope["method"]
        await self._apps[method if method in self._apps else "GET"](scope, receive, send)  # a HEAD that is not declared


def routes(operations: Iterable[Operation], around: Around, awaited: Awaited) -> Sequence[Route]:
    """One route per path, in the order of their first operation. `around` wraps each operation's application."""
    paths: dict[str, dict[str, Any]] = {}
    names: dict[str, str] = {}
    for operation in operations:
        apps = paths.setdefault(operation.path, {})
        apps[operation.method] = around(operation.app(awaited), operation)
        names.setdefault(operation.path, operation.name)
    return [Route(path, _ByMethod(apps), methods=list(apps), name=names[path]) for path, apps in paths.items()]
