"""The endpoint of an operation: reads and validates the input, calls the handler, adds the operation's headers."""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from typing import Literal, NamedTuple

from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import request_response
from starlette.types import ASGIApp

from .. import forms
from ..conditional import preconditions
from ..conditional.cache_control import CacheControl
from ..media_type import require_json
from ..problems import client_input, unknown_members
from ..requests.deadline import Deadlines
from .operation import Coroutine, Handler, Operation
from .refusals import refusing

Awaited = Callable[[Handler], Coroutine]
Endpoint = Callable[[Request], Awaitable[Response]]


def app(operation: Operation, awaited: Awaited, deadlines: Deadlines) -> ASGIApp:
    """The operation as an ASGI application. `awaited` turns the handler into a coroutine function."""
    handler = deadlines.limited(awaited(operation.handler), operation.deadline_seconds)
    endpoint = _with_precondition(operation, _with_input(operation, handler))
    return request_response(_with_headers(operation, refusing(operation, endpoint)))


def _with_input(operation: Operation, handler: Coroutine) -> Endpoint:
    if operation.body is None and operation.form is None and operation.query is None:
        return handler

    extras = _Extras(unknown_members(operation.query), unknown_members(operation.body))

    async def endpoint(request: Request) -> Response:
        async with AsyncExitStack() as stack:
            return await handler(request, **await _given(operation, extras, request, stack))

    return endpoint


class _Extras(NamedTuple):
    """What becomes of unknown parameters and members."""

    query: Literal["forbid"] | None
    body: Literal["forbid"] | None


async def _given(
    operation: Operation, extras: _Extras, request: Request, stack: AsyncExitStack
) -> Mapping[str, BaseModel]:
    """The keyword arguments of the handler. The files of a form are closed with the stack."""
    given: dict[str, BaseModel] = {}
    if operation.body is not None:
        require_json(request)
    if operation.query is not None:
        with client_input("query"):
            given["query"] = operation.query.model_validate(dict(request.query_params), extra=extras.query)
    if operation.body is not None:
        with client_input():
            given["body"] = operation.body.model_validate_json(await request.body(), extra=extras.body)
    if operation.form is not None:
        with client_input():
            given["form"] = await stack.enter_async_context(forms.read(request, operation.form))
    return given


def _with_precondition(operation: Operation, inner: Endpoint) -> Endpoint:
    """The endpoint that refuses a request without a condition, before its body is read."""
    if not operation.precondition_required:
        return inner

    async def endpoint(request: Request) -> Response:
        preconditions.require(request)
        return await inner(request)

    return endpoint


def _with_headers(operation: Operation, inner: Endpoint) -> Endpoint:
    """The endpoint whose responses say what caches may do with them."""
    add = CacheControl(operation).add

    async def endpoint(request: Request) -> Response:
        response = await inner(request)
        add(request, response)
        return response

    return endpoint
