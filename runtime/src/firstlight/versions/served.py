"""One version of an operation as an application: counts its requests, and says when it ends."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ..problems import FIELDS
from . import lifecycle
from .metric import requests
from .version import VERSION, ByHeader, ByMediaType, Version

_JOINED = frozenset({b"link", b"vary"})  # fields that a response may have several times


class Served:
    """The application of one version."""

    def __init__(self, app: ASGIApp, version: Version, path: str) -> None:
        """Serve `app` at `path`."""
        self._app = app
        self._version = version
        self._path = path
        self._count = requests(path, version.name)
        self._fields = [*_varies(version), *lifecycle.fixed(version)]
        self._links = bool(version.successor and version.deprecated is not None)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        self._count.inc()
        scope[VERSION] = self._version
        if not self._fields:
            await self._app(scope, receive, send)
            return
        links = lifecycle.successor(self._version, self._path, scope) if self._links else []
        added = scope[FIELDS] = [*self._fields, *links]

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = list(message.get("headers", ()))
                given = {name for name, _ in headers} - _JOINED
                message = {**message, "headers": [*headers, *(field for field in added if field[0] not in given)]}
            await send(message)

        await self._app(scope, receive, sending)


def _varies(version: Version) -> lifecycle.Fields:
    match version.by:
        case ByHeader(header):
            return [(b"vary", header.encode())]
        case ByMediaType():
            return [(b"vary", b"Accept")]
    return []
