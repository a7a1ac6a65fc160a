"""Method, scheme, path, query and server of a request, by the semantic conventions."""

import re
from functools import lru_cache
from urllib.parse import quote

from starlette.types import Scope

from ..logs.limits import cut
from ..logs.redaction import redact_text
from ..metrics.instruments import OTHER_METHOD
from ..traces.query import redacted

PATH_BYTES = 2048
SHORT = PATH_BYTES // 4  # characters, which fit in any encoding
QUERY_BYTES = 2048
HOST_BYTES = 255
_PLAIN = "/:@!$&'()*+,;=-._~"  # characters that RFC 3986 allows in a path
_PERCENT = ord("%")  # bytes search for a number at once, but take bytes for one first, at the cost of an exception
_HOST = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([^\s:/?#@\[\]]+))(?::(\d{1,5}))?")
_DEFAULT_PORTS = {"http": 80, "ws": 80, "https": 443, "wss": 443}
MAX_PORT = 65_535


def method(scope: Scope, known: frozenset[str]) -> str:
    """The method, or `_OTHER` for an unknown one. A websocket begins as a GET."""
    name: str = scope.get("method", "GET")
    return name if name in known else OTHER_METHOD


def scheme(scope: Scope) -> str:
    """`http` or `https`. Other schemes that a proxy may send count as `http`."""
    return "https" if scope.get("scheme") in {"https", "wss"} else "http"


def path(scope: Scope) -> str:
    """The path as it was sent, cut and without secrets. Secrets are searched in the decoded path."""
    means = scope["path"]
    if len(means) > SHORT:
        means = cut(means, PATH_BYTES)
    shown = redact_text(means)
    raw = scope.get("raw_path")
    if not raw or _PERCENT not in raw:
        return shown
    return redact_text(cut(raw.decode("latin-1"), PATH_BYTES)) if shown == means else quote(shown, _PLAIN)


def query(scope: Scope) -> str:
    """The query as it was sent, cut and without secrets; empty where there is none."""
    raw = scope.get("query_string")
    return redacted(cut(raw.decode("latin-1"), QUERY_BYTES)) if raw else ""


def server(host: bytes | None, scheme_of_scope: str) -> tuple[str, int] | None:
    """Address and port from the `Host` header. None where the header is missing or invalid."""
    return _server(host, scheme_of_scope) if host and len(host) <= HOST_BYTES else None


@lru_cache(maxsize=128)
def _server(host: bytes, scheme_of_scope: str) -> tuple[str, int] | None:
    found = _HOST.fullmatch(host.decode("latin-1"))
    if found is None:
        return None
    port = int(found[3] or _DEFAULT_PORTS.get(scheme_of_scope, 80))
    return (found[1] or found[2], port) if 0 < port <= MAX_PORT else None
