"""One version of an operation as an application: counts its requests, and says when it ends."""

from collections.abc import Awaitable

from starlette.types import ASGIApp, Receive, Scope, Send

from ..requests.response_start import OF_VERSION
from . import lifecycle
from .metric import requests
from .version import VERSION, ByHeader, ByMediaType, Version


class Served:
    """The application of one version."""

    def __init__(self, app: ASGIApp, version: Version, path: str) -> None:
        """Serve `app` at `path`."""
        self._app = app
        self._version = version
        self._path = path
        self._count = requests(path, version.name).tick
        self._lines = b"".join(b"%b: %b\r\n" % field for field in [*_varies(version), *lifecycle.fixed(version)])
        self._links = bool(version.successor and version.deprecated is not None)

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Serve one request. The data plane adds the fields to its response, also to that of an error."""
        self._count()
        scope[VERSION] = self._version
        if self._lines:
            links = lifecycle.successor(self._version, self._path, scope) if self._links else b""
            scope[OF_VERSION] = self._lines + links
        return self._app(scope, receive, send)


def _varies(version: Version) -> lifecycle.Fields:
    match version.by:
        case ByHeader(header):
            return [(b"vary", header.encode())]
        case ByMediaType():
            return [(b"vary", b"Accept")]
    return []
