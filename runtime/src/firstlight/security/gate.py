"""Refuses requests for another host, over plain HTTP, or from a page of another origin, before they reach the router.

The probes do not come here: a kubelet or a load balancer asks for them by an address, and without TLS.
"""

from collections.abc import Awaitable, Sequence
from http import HTTPStatus
from urllib.parse import quote

from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocket

from ..problems import ProblemResponse
from ..text import shown
from .events import security_events
from .hosts import TrustedHosts, name_of
from .origins import Origins

_WEBSOCKETS = frozenset({"websocket"})  # a browser opens one without asking, so its origin is always examined
_ALL = _WEBSOCKETS | {"http"}
_PLAIN = frozenset({"http", "ws"})
_REDIRECTED = frozenset({"GET", "HEAD"})  # another request may have sent a secret already; its sender must notice
_CHARACTERS = "/:@!$&'()*+,;=-._~%?"  # what RFC 3986 allows in a path and a query, and what is encoded already


class Gate:
    """The application behind it gets only requests that may be served."""

    def __init__(
        self, app: ASGIApp, hosts: TrustedHosts | None, origins: Origins | None = None, *, https_only: bool = False
    ) -> None:
        """Serve `hosts` (None: all), and websockets for pages of `origins`; with `https_only`, only over TLS."""
        self._app = app
        self._hosts = hosts
        self._origins = origins
        self._https_only = https_only
        self._examined = _ALL if hosts or origins or https_only else _WEBSOCKETS

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Serve one request, or refuse it. No coroutine in between, for requests that are served."""
        if scope["type"] not in self._examined:
            return self._app(scope, receive, send)
        answer = self._answer(scope)
        if answer is None:
            return self._app(scope, receive, send)
        if scope["type"] == "websocket":
            return _deny(WebSocket(scope, receive, send), answer)
        return answer(scope, receive, send)

    def _answer(self, scope: Scope) -> Response | None:
        """The response to a request that is not served."""
        hosts: tuple[bytes, ...] = ()
        origin = None
        for name, value in scope["headers"]:
            if name == b"host":
                hosts = (*hosts, value) if hosts else (value,)
            elif name == b"origin":
                origin = value
        if self._hosts is not None and not self._hosts.serve(hosts):
            return _other_host(hosts)
        if self._https_only and scope["scheme"] in _PLAIN:
            return self._insecure(scope, hosts)
        if origin is not None and (self._origins is not None or scope["type"] == "websocket"):
            return self._of_origin(scope, hosts, origin)
        return None

    def _insecure(self, scope: Scope, hosts: Sequence[bytes]) -> Response:
        """A redirect to a host that the service knows, else a refusal."""
        if scope.get("method") in _REDIRECTED and self._hosts is not None and self._hosts.are_named:
            return Response(status_code=HTTPStatus.PERMANENT_REDIRECT, headers={"Location": _secure(scope, hosts[0])})
        security_events.record("insecure_refused", method=scope.get("method", "GET"))
        return ProblemResponse(HTTPStatus.FORBIDDEN, "This service answers over HTTPS only.")

    def _of_origin(self, scope: Scope, hosts: Sequence[bytes], origin: bytes) -> Response | None:
        """The response to a preflight request, and to a websocket of a page that may not read it."""
        allowed = self._origins is not None and self._origins.allow(origin)
        preflight = self._origins.preflight(scope) if self._origins is not None and scope["type"] == "http" else None
        if allowed:
            return preflight
        if origin.partition(b"://")[2].lower() in (host.lower() for host in hosts):  # our own page
            return None
        security_events.record("origin_refused", origin=shown(origin.decode("latin-1")))
        if preflight is not None or scope["type"] == "websocket":
            return ProblemResponse(HTTPStatus.FORBIDDEN, "Pages of this origin may not use this service.")
        return None  # the browser hides the response, because it has no header for this origin


def _other_host(hosts: Sequence[bytes]) -> Response:
    host = shown(b", ".join(hosts).decode("latin-1"))
    security_events.record("host_refused", host=host)
    return ProblemResponse(HTTPStatus.BAD_REQUEST, "The request must have one Host field, with a host of this service.")


def _secure(scope: Scope, host: bytes) -> str:
    """The address of the same page over https, at the usual port."""
    name = name_of(host)
    path = quote(scope.get("raw_path") or scope["path"].encode(), _CHARACTERS)
    query = quote(scope.get("query_string", b""), _CHARACTERS)
    return f"https://{f'[{name}]' if ':' in name else name}{path}{f'?{query}' if query else ''}"


async def _deny(websocket: WebSocket, answer: Response) -> None:
    """Refuse a handshake: with the response, or with a bare 403 where the server sends no other."""
    if "websocket.http.response" in websocket.scope.get("extensions", {}):
        await websocket.send_denial_response(answer)
    else:
        await websocket.close()
