"""Who may ask: our own page in a browser that was opened with the token, and programs that have the token.

A page of another site can send requests to this port, and a name of another site can resolve to it. So the host must be
one of ours, and a browser must not say that another site asks. Effects need the origin of our own page as well, and a
header that no form can send.
"""

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from starlette.types import Scope

from ..settings.console_token import LOOPBACK

COOKIE = "console"
EFFECT = b"x-console"  # the header of a request with an effect; its value is 1
DEFAULT_PORT = 80
_HOSTS = frozenset(f"[{host}]" if ":" in host else host for host in LOOPBACK)
_FROM_ELSEWHERE = frozenset({b"cross-site", b"same-site"})  # another port of this machine is the same site

Headers = Mapping[bytes, Sequence[bytes]]


class Refusal(NamedTuple):
    """A status, and the reason as a sentence."""

    status: int
    reason: str


NO_TOKEN = Refusal(401, "Open the address that the service printed at its start: it has the token of this console.")
FOREIGN_HOST = Refusal(403, "The console answers at localhost, 127.0.0.1 and [::1] only.")
FOREIGN_SITE = Refusal(403, "Another site may not ask the console.")
NO_EFFECT = Refusal(403, "An effect needs the origin of the console and the header X-Console: 1.")


class Guards:
    """The guards of one console."""

    def __init__(self, token: str) -> None:
        """`token` opens the console."""
        self._token = token.encode()
        self._cookie = hmac.new(self._token, b"console cookie", hashlib.sha256).hexdigest()

    def refusal(self, scope: Scope, *, page: bool) -> Refusal | None:
        """Why nothing at all is answered, or None. A link elsewhere on this machine may open a `page`."""
        headers = _headers(scope)
        host = _one(headers, b"host").decode("latin-1").lower()
        if host not in _hosts(port_of(scope)):
            return FOREIGN_HOST
        origin, site = headers.get(b"origin"), _one(headers, b"sec-fetch-site")
        if origin is not None and origin != [f"http://{host}".encode()]:
            return FOREIGN_SITE
        allowed = {b"same-site"} if page and _one(headers, b"sec-fetch-mode") == b"navigate" else frozenset()
        return FOREIGN_SITE if site in _FROM_ELSEWHERE - allowed else None

    def knows(self, scope: Scope) -> bool:
        """Whether the request has the cookie of this console, or its token."""
        headers = _headers(scope)
        bearer = _one(headers, b"authorization")
        if bearer and scope["method"] != "POST":
            return hmac.compare_digest(bearer, b"Bearer " + self._token)
        given = _cookie(headers, name_of(port_of(scope)))
        return hmac.compare_digest(given.encode(), self._cookie.encode())

    def opens(self, token: str) -> bool:
        """Whether this is the token."""
        return hmac.compare_digest(token.encode(errors="replace"), self._token)

    def may_act(self, scope: Scope) -> bool:
        """Whether a request may have an effect: it is ours, and no form or link has made it."""
        headers = _headers(scope)
        return b"origin" in headers and _one(headers, EFFECT) == b"1"

    def cookie(self, port: int) -> str:
        """The header that sets the cookie. A browser sends it to every port of this machine, so its name has ours."""
        return f"{name_of(port)}={self._cookie}; Path=/console; HttpOnly; SameSite=Strict"


def port_of(scope: Scope) -> int:
    """The port on which the request arrived."""
    return int(scope["server"][1])


def name_of(port: int) -> str:
    """The name of the cookie of the console on this port."""
    return f"{COOKIE}_{port}"


def _hosts(port: int) -> set[str]:
    with_port = {f"{host}:{port}" for host in _HOSTS}
    return with_port | _HOSTS if port == DEFAULT_PORT else with_port


def _headers(scope: Scope) -> Headers:
    headers: dict[bytes, list[bytes]] = {}
    for name, value in scope["headers"]:
        headers.setdefault(name, []).append(value)
    return headers


def _one(headers: Headers, name: bytes) -> bytes:
    """The value of a header that was sent once, else nothing."""
    values = headers.get(name, ())
    return values[0] if len(values) == 1 else b""


def _cookie(headers: Headers, name: str) -> str:
    text = "; ".join(value.decode("latin-1") for value in headers.get(b"cookie", ()))
    for pair in text.split(";"):
        key, _, value = pair.strip().partition("=")
        if key == name:
            return value.encode("ascii", "replace").decode()
    return ""
