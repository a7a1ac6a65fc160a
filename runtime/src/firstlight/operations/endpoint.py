"""The endpoint of an operation: reads and validates the input, calls the handler, adds the operation's headers."""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack

from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import request_response
from starlette.types import ASGIApp

from .. import forms
from ..conditional import preconditions
from ..conditional.cache_control import CacheControl
from ..media_type import require_json
from ..problems import client_input
from ..requests.deadline import Deadlines
from .operation import Coroutine, Handler, Operation

Awaited = Callable[[Handler], Coroutine]
Endpoint = Callable[[Request], Awaitable[Response]]


def app(operation: Operation, awaited: Awaited, deadlines: Deadlines) -> ASGIApp:
    """The operation as an ASGI application. `awaited` turns the handler into a coroutine function."""
    handler = deadlines.limited(awaited(operation.handler), operation.deadline_seconds)
    endpoint = _with_precondition(operation, _with_input(operation, handler))
    return request_response(_with_headers(operation, endpoint))


def _with_input(operation: Operation, handler: Coroutine) -> Endpoint:
    if operation.body is None and operation.form is None and operation.query is None:
        return handler

    async def endpoint(request: Request) -> Response:
        async with AsyncExitStack() as stack:
            return await handler(request, **await _given(operation, request, stack))

    return endpoint


async def _given(operation: Operation, request: Request, stack: AsyncExitStack) -> Mapping[str, BaseModel]:
    """The keyword arguments of the handler. The files of a form are closed with the stack."""
    given: dict[str, BaseModel] = {}
    if operation.body is not None:
        require_json(request)
    with client_input():
        if operation.query is not None:
            given["query"] = operation.query.model_validate(dict(request.query_params))
        if operation.body is not None:
            given["body"] = operation.body.model_validate_json(await request.body())
        if operation.form is not None:
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
