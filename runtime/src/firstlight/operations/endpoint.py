"""The endpoint of an operation: reads and validates the input, calls the handler, adds the operation's headers."""

from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack

from pydantic import BaseModel, ValidationError
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp

from .. import forms
from ..conditional import freshness
from ..conditional.cache_control import CacheControl
from ..field_errors import client_input, invalid, unknown_members
from ..media_type import require_json
from ..requests.deadline import Deadlines
from ..requests.handled import responding
from .operation import Coroutine, Handler, Operation
from .refusals import checks_of

Awaited = Callable[[Handler], Coroutine]
Endpoint = Callable[[Request], Awaitable[Response]]


def app(operation: Operation, awaited: Awaited, deadlines: Deadlines) -> ASGIApp:
    """The operation as an ASGI application. `awaited` turns the handler into a coroutine function."""
    handler = deadlines.limited(awaited(operation.handler), operation.deadline_seconds)
    return responding(_with_headers(operation, _with_input(operation, handler)))


def _with_input(operation: Operation, handler: Coroutine) -> Endpoint:
    if operation.form is not None:
        return _with_form(operation.form, operation.query, handler)
    if operation.body is None and operation.query is None:
        return handler
    query = None if operation.query is None else operation.query.model_validate
    body = None if operation.body is None else operation.body.model_validate_json
    query_extra, body_extra = unknown_members(operation.query), unknown_members(operation.body)

    async def endpoint(request: Request) -> Response:
        given: dict[str, BaseModel] = {}
        if body is not None:
            require_json(request)
        try:
            if query is not None:
                given["query"] = query(dict(request.query_params), extra=query_extra)
            if body is not None:
                given["body"] = body(await request.body(), extra=body_extra)
        except ValidationError as error:
            raise invalid(error, "" if query is None or "query" in given else "query") from None
        return await handler(request, **given)

    return endpoint


def _with_form(form: type[BaseModel], query: type[BaseModel] | None, handler: Coroutine) -> Endpoint:
    """The endpoint of an operation with a form, whose files are closed when the handler has returned."""
    query_extra = unknown_members(query)

    async def endpoint(request: Request) -> Response:
        given: dict[str, BaseModel] = {}
        async with AsyncExitStack() as stack:
            if query is not None:
                with client_input("query"):
                    given["query"] = query.model_validate(dict(request.query_params), extra=query_extra)
            with client_input():
                given["form"] = await stack.enter_async_context(forms.read(request, form))
            return await handler(request, **given)

    return endpoint


def _with_headers(operation: Operation, inner: Endpoint) -> Endpoint:
    """The endpoint after the operation's checks, with responses that say what caches may do with them."""
    control, checks = CacheControl(operation), checks_of(operation)

    async def endpoint(request: Request) -> Response:
        for check in checks:
            check(request)
        response = await inner(request)
        control.add(request, response)
        return response

    async def fresh_endpoint(request: Request) -> Response:
        for check in checks:
            check(request)
        with freshness.noted() as noted:
            response = await inner(request)
        control.add(request, response, noted.seconds)
        return response

    return fresh_endpoint if control.has_seconds else endpoint
