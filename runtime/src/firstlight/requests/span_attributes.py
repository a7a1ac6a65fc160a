"""The attributes of a request's span, by the semantic conventions for HTTP: what is not known is left out.

docs/guides/semantics.md says where each comes from.
"""

import re
from collections.abc import Mapping

from starlette.types import Scope

from ..logs.limits import cut
from ..metrics.instruments import OTHER_METHOD
from . import target
from .arrival import PEER

USER_AGENT_BYTES = 512
METHOD_BYTES = 64
HOST, USER_AGENT = b"host", b"user-agent"

_ADDRESS = re.compile(r"[0-9A-Fa-f.:]{2,45}")  # behind a proxy it is what a header said

Attributes = dict[str, str | int]


def client_address(scope: Scope) -> str:
    """The address of the client, empty where it is none."""
    client = scope.get("client")
    return client[0] if client and _ADDRESS.fullmatch(client[0]) else ""


def name_of(method: str) -> str:
    """The name of a span whose route is not known."""
    return "HTTP" if method == OTHER_METHOD else method


def started(scope: Scope, headers: Mapping[bytes, bytes], known: frozenset[str]) -> tuple[str, Attributes]:
    """Name and attributes at the start: what samplers may want to decide by."""
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
    return name_of(method), attributes


def _add_clients(attributes: Attributes, scope: Scope) -> None:
    """The client, and the peer of the connection, which may be a proxy."""
    if address := client_address(scope):
        attributes["client.address"] = address
    peer = scope.get(PEER) or scope.get("client")
    if peer and _ADDRESS.fullmatch(peer[0]):
        attributes["network.peer.address"] = peer[0]
        if peer[1]:
            attributes["network.peer.port"] = peer[1]
