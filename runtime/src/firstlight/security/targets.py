"""URLs from clients, which a service stores or fetches.

`stored` is for a URL that only the client's browser follows, such as the target of a redirect. `fetched` is for a URL
that the service itself connects to: there, an address inside the network is an attack (server-side request forgery).

Both return the URL in the normal form of the WHATWG standard. Use only this form: in it, `http://0x7f.1/` is
`http://127.0.0.1/`, and no two parsers read another host in it.

A name may resolve to another address when it is fetched than when it was checked (DNS rebinding). So `fetched` checks
no names, and the code that connects must: `addresses` resolves a name, refuses it if one of its addresses is not
public, and returns the addresses to connect to. Redirects lead to other URLs, so a client must check each of them.
`guarded_transport` of the component http_client does all of that.
"""

import asyncio
import re
import socket
from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import Annotated, NoReturn

from pydantic import AfterValidator, ValidationError
from pydantic_core import Url

from .addresses import Address, Network, is_public, parsed
from .events import security_events

WEB = ("http", "https")
# RFC 3986. Others, such as spaces, backslashes and control characters, are read in different ways.
CHARACTERS = r"[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=%-]+"
MAX_CHARACTERS = 2048
_ALLOWED = re.compile(CHARACTERS)
_BEGIN = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://([^/?#]+)")  # in full: parsers disagree about what is left out
_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_NAME = re.compile(rf"(?:{_LABEL}\.)*{_LABEL}\.?")
_MAX_NAME = 253
# Names that are never public: RFC 6761, 6762, 7686, 8375, 9476, and `internal` (ICANN, 2024).
_RESERVED = ("localhost", "local", "internal", "home.arpa", "onion", "alt", "invalid", "test")
_SYSTEM_PORTS, _WEB_PORTS = 1024, (80, 443)

Resolve = Callable[[str, int], Awaitable[Collection[str]]]


class TargetError(ValueError):
    """A URL that must not be stored or fetched. The text says what it must be, and repeats no part of it."""


def stored(url: str, schemes: Collection[str] = WEB) -> str:
    """The URL in its normal form, to be given to clients. Raises `TargetError`.

    It has at most 2048 characters, as sent, all of them in RFC 3986; one of `schemes`; a host; no user and no password.
    """
    return str(_parsed(url, schemes))


def fetched(url: str, schemes: Collection[str] = WEB, allowed: Sequence[Network] = ()) -> str:
    """The URL in its normal form, to be fetched with `guarded_transport`. Raises `TargetError`.

    In addition to `stored`: an address must be public or in `allowed`, a name must have a dot and must not be one of
    those that are never public, and a port below 1024 must be 80 or 443. The fragment is removed.
    """
    parts = _parsed(url, schemes)
    host, port = parts.host or "", parts.port or 0
    if port < _SYSTEM_PORTS and port not in _WEB_PORTS:
        _refuse("port", "must be a URL with port 80, port 443 or a port from 1024 on")
    address = parsed(host)
    if address is not None and not is_public(address, allowed):
        _refuse("address", "must be a URL with a public address")
    if address is None and not (allowed or _may_be_public(host)):
        _refuse("name", "must be a URL with a public name")
    return str(parts).partition("#")[0]


async def resolve(host: str, port: int) -> Collection[str]:
    """The addresses of a host, from the resolver of the system. Raises `OSError`."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


async def addresses(
    host: str, port: int, allowed: Sequence[Network] = (), resolve: Resolve = resolve
) -> Sequence[Address]:
    """The addresses of a host, to connect to one of them. Raises `TargetError` unless all are public or in `allowed`.

    `resolve` returns the addresses of a name. Connect to a returned address and not to the name, which may resolve to
    another one a moment later.
    """
    literal = parsed(host)
    texts = [host] if literal is not None else await resolve(host, port)
    found = [literal] if literal is not None else [parsed(text) for text in texts]
    public = [address for address in found if address is not None and is_public(address, allowed)]
    if not public or len(public) < len(found):
        _refuse("address", "must be a URL whose addresses are all public")
    return public


def _parsed(url: str, schemes: Collection[str]) -> Url:
    if len(url) > MAX_CHARACTERS:
        msg = f"must be a URL of at most {MAX_CHARACTERS} characters"
        raise TargetError(msg)
    if not _ALLOWED.fullmatch(url):
        _refuse("characters", "must be a URL without spaces, control characters and characters beyond ASCII")
    scheme = url.partition(":")[0].lower()
    if scheme not in schemes:
        _refuse("scheme", f"must be a URL whose scheme is {' or '.join(schemes)}")
    begin = _BEGIN.match(url)
    if begin is None:
        msg = f"must be a URL such as {scheme}://example.com/"
        raise TargetError(msg)
    if "@" in begin[1]:
        _refuse("user", "must be a URL without a user name and a password")
    try:
        parts = Url(url)
    except ValidationError:
        parts = None
    if parts is None or not _is_host(parts.host or "") or parts.port == 0:
        msg = "must be a URL with a valid host and port"
        raise TargetError(msg)
    return parts


def _is_host(host: str) -> bool:
    if parsed(host) is not None:
        return True
    return len(host) <= _MAX_NAME and _NAME.fullmatch(host) is not None


def _may_be_public(host: str) -> bool:
    name = f".{host.removesuffix('.')}"
    return name.count(".") > 1 and not name.endswith(tuple(f".{reserved}" for reserved in _RESERVED))


def _refuse(reason: str, text: str) -> NoReturn:
    """Refuse a URL that looks like an attack, and count it."""
    security_events.record("target_refused", reason=reason)
    raise TargetError(text)


StoredUrl = Annotated[str, AfterValidator(stored)]
"""The type of a field for `stored`."""
FetchedUrl = Annotated[str, AfterValidator(fetched)]
"""The type of a field for `fetched`."""
