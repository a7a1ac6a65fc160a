"""The attributes of a request's span, by the semantic conventions for HTTP. Unknown values are left out.

docs/guides/semantics.md gives the source of each attribute.
"""

import re
from functools import lru_cache

from starlette.types import Scope

from ..caller import ADDRESS_CHARACTERS
from ..logs.limits import cut
from ..metrics.instruments import OTHER_METHOD
from ..traces.attributes import CleanAttributes, Groups, SharedAttributes
from . import target
from .arrival import PEER

USER_AGENT_BYTES = 512
METHOD_BYTES = 64
REMEMBERED_BYTES = 512  # of a user agent
HOST, USER_AGENT = b"host", b"user-agent"
_READ = frozenset({HOST, USER_AGENT})
STARTED = "firstlight.path_and_client"  # in the scope: as they are in the span, where it is recorded

_ADDRESS = re.compile(rf"[0-9A-Fa-f.:]{{2,{ADDRESS_CHARACTERS}}}")  # behind a proxy it comes from a header

Attributes = dict[str, str | int]
Ends = tuple[()] | tuple[str, int]


def client_address(scope: Scope) -> str:
    """The address of the client, empty where the server gives none that is valid."""
    client = scope.get("client")
    return client[0] if client and _is_address(client[0]) else ""


def path_and_client(scope: Scope) -> tuple[str, str]:
    """Path and address of the client, for the event. They are taken from the span where it is recorded."""
    return scope.get(STARTED) or (target.path(scope), client_address(scope))


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
    client = tuple(scope.get("client") or ())
    clients = _clients(client, tuple(scope.get(PEER) or client))
    own = CleanAttributes({"url.path": target.path(scope)})
    if query := target.query(scope):
        own["url.query"] = query
    scope[STARTED] = own["url.path"], clients.get("client.address", "")
    if method != OTHER_METHOD:
        return name_of(method), (shared, clients, own)
    named: Attributes = {"http.request.method_original": cut(scope.get("method", "GET"), METHOD_BYTES)}
    return name_of(method), (shared, clients, own, named)


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


def _ends(client: Ends, peer: Ends) -> SharedAttributes:
    """The client, and the peer of the connection, which may be a proxy: address and port, or nothing."""
    attributes = SharedAttributes()
    if client and _is_address(client[0]):
        attributes["client.address"] = client[0]
    if peer and _is_address(peer[0]):
        attributes["network.peer.address"] = peer[0]
        if peer[1]:
            attributes["network.peer.port"] = peer[1]
    return attributes


def _is_address(text: str) -> bool:
    return len(text) <= ADDRESS_CHARACTERS and _seen(text)


# Below half a MiB each: clients choose the values.
_shared = lru_cache(maxsize=128)(_made)
_clients = lru_cache(maxsize=512)(_ends)


@lru_cache(maxsize=1024)
def _seen(text: str) -> bool:
    return _ADDRESS.fullmatch(text) is not None
