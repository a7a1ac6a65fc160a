"""The attributes of a request's span, by the semantic conventions for HTTP. Unknown values are left out.

docs/guides/semantics.md gives the source of each attribute.
"""

import re
from functools import lru_cache

from starlette.types import Scope

from ..logs.limits import cut
from ..metrics.instruments import OTHER_METHOD
from ..traces.attributes import Groups, SharedAttributes
from . import target
from .arrival import PEER

USER_AGENT_BYTES = 512
METHOD_BYTES = 64
REMEMBERED_BYTES = 512  # of a user agent
HOST, USER_AGENT = b"host", b"user-agent"
_READ = frozenset({HOST, USER_AGENT})
STARTED = "firstlight.attributes"  # in the scope: those at the start, where the span is recorded

_ADDRESS = re.compile(r"[0-9A-Fa-f.:]{2,45}")  # behind a proxy it comes from a header

Attributes = dict[str, str | int]


def client_address(scope: Scope) -> str:
    """The address of the client, empty where the server gives none that is valid."""
    client = scope.get("client")
    return client[0] if client and _ADDRESS.fullmatch(client[0]) else ""


def path_and_client(scope: Scope) -> tuple[str, str]:
    """Path and address of the client, for the event. They are taken from the span where it is recorded."""
    made = scope.get(STARTED)
    if made:
        return made["url.path"], made.get("client.address", "")
    return target.path(scope), client_address(scope)


def name_of(method: str) -> str:
    """The name of a span whose route is not known."""
    return "HTTP" if method == OTHER_METHOD else method


def started(scope: Scope, known: frozenset[str]) -> tuple[str, Groups]:
    """Name and attributes at the start of the span. Samplers can read them."""
    host = agent = None
    for name, value in scope["headers"]:
        if name in _READ:
            host, agent = (value, agent) if name == HOST else (host, value)
    method, scheme = target.method(scope, known), scope.get("scheme") or "http"
    shared = (_shared if len(agent or b"") <= REMEMBERED_BYTES else _made)(
        method, scheme, host, scope.get("http_version"), agent
    )
    own: Attributes = {"url.path": target.path(scope)}
    if method == OTHER_METHOD:
        own["http.request.method_original"] = cut(scope.get("method", "GET"), METHOD_BYTES)
    if query := target.query(scope):
        own["url.query"] = query
    _add_clients(own, scope)
    scope[STARTED] = own
    return name_of(method), (shared, own)


def _made(method: str, scheme: str, host: bytes | None, version: str | None, agent: bytes | None) -> SharedAttributes:
    """The attributes that many requests of one client share."""
    attributes = SharedAttributes({"http.request.method": method, "url.scheme": scheme})
    if server := target.server(host, scheme):
        attributes["server.address"], attributes["server.port"] = server
    if version:
        attributes["network.protocol.version"] = version
    if agent:
        attributes["user_agent.original"] = cut(agent.decode("latin-1"), USER_AGENT_BYTES)
    return attributes


# Below half a MiB: clients choose the values.
_shared = lru_cache(maxsize=128)(_made)


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
