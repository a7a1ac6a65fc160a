"""The statements of one request: their number, and whether one of them has written."""

from contextvars import ContextVar

from starlette.types import ASGIApp, Receive, Scope, Send

from ...operations.operation import Operation
from ...requests.routes import reached
from .metrics import REQUEST_STATEMENTS


class RequestStatements:
    """What one request has done. Tasks that the request starts share it."""

    __slots__ = ("count", "wrote")

    def __init__(self) -> None:
        """No statement yet."""
        self.count = 0
        self.wrote = False
        """Whether a statement may have changed something: later reads of the request then go to the primary."""


CURRENT: ContextVar[RequestStatements | None] = ContextVar("request_statements", default=None)


def has_only_read() -> bool:
    """Whether a replica may answer: inside a request that has not written.

    Elsewhere nobody knows what was written before, so the primary answers.
    """
    request = CURRENT.get()
    return request is not None and not request.wrote


def observed(app: ASGIApp, operation: Operation | None) -> ASGIApp:
    """The application of a route, whose statements are counted."""
    return _Counted(app, operation.path if operation is not None else None)


class _Counted:
    def __init__(self, app: ASGIApp, template: str | None) -> None:
        self._app = app
        self._template = template

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        statements = RequestStatements()
        token = CURRENT.set(statements)
        try:
            await self._app(scope, receive, send)
        finally:
            CURRENT.reset(token)
            if scope["type"] == "http":
                REQUEST_STATEMENTS.labels(self._template or _template(scope)).observe(statements.count)


def _template(scope: Scope) -> str:
    """The path of a plain route. Below a mount it is the path of the innermost route."""
    return str(getattr(reached(scope), "path_format", "") or "unmatched")
