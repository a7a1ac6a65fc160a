"""The attributes of a request's span, by the semantic conventions for HTTP: what is not known is left out.

docs/guides/semantics.md says where each comes from.
"""

import re

from starlette.types import Scope

from ..logs.limits import cut
from ..metrics.instruments import OTHER_METHOD
from . import target
from .arrival import PEER

USER_AGENT_BYTES = 512
METHOD_BYTES = 64
HOST, USER_AGENT = b"host", b"user-agent"
_READ = frozenset({HOST, USER_AGENT})
STARTED = "firstlight.attributes"  # in the scope: those at the start, where the span is recorded

_ADDRESS = re.compile(r"[0-9A-Fa-f.:]{2,45}")  # behind a proxy it is what a header said

Attributes = dict[str, str | int]


def client_address(scope: Scope) -> str:
    """The address of the client, empty where it is none."""
    client = scope.get("client")
    return client[0] if client and _ADDRESS.fullmatch(client[0]) else ""


def path_and_client(scope: Scope) -> tuple[str, str]:
    """What an event says of a request as well, made once."""
    made = scope.get(STARTED)
    if made:
        return made["url.path"], made.get("client.address", "")
    return target.path(scope), client_address(scope)


def name_of(method: str) -> str:
    """The name of a span whose route is not known."""
    return "HTTP" if method == OTHER_METHOD else method


def started(scope: Scope, known: frozenset[str]) -> tuple[str, Attributes]:
    """Name and attributes at the start: what samplers may want to decide by."""
    headers = {name: value for name, value in scope["headers"] if name in _READ}
    method = target.method(scope, known)
    scheme = scope.get("scheme") or "http"
    attributes: Attributes = {"http.request.method": method, "url.path": target.path(scope), "url.scheme": scheme}
    if method == OTHER_METHOD:
        attributes["http.request.method_original"] = cut(scope.get("method", "GET"), METHOD_BYTES)
    if query := target.query(scope):
        attributes["url.query"] = query
    if server := target.server(headers.get(HOST), scheme):
        attributes["server.address"], attributes["server.port"] = server
    if version := scope.get("http_version"):
        attributes["network.protocol.version"] = version
    if agent := headers.get(USER_AGENT):
        attributes["user_agent.original"] = cut(agent.decode("latin-1"), USER_AGENT_BYTES)
    _add_clients(attributes, scope)
    scope[STARTED] = attributes
    return name_of(method), attributes


def _add_clients(attributes: Attributes, scope: Scope) -> None:
    """The client, and the peer of the connection, which may be a proxy."""
    client = scope.get("client")
    peer = scope.get(PEER) or client
    address = client_address(scope)
    if address:
        attributes["client.address"] = address
    if peer and ((peer is client and address) or _ADDRESS.fullmatch(peer[0])):
        attributes["network.peer.address"] = peer[0]
        if peer[1]:
            attributes["network.peer.port"] = peer[1]
