"""The target of a request (RFC 9112, section 3.2): a path, or a whole URL, as a client sends it to a proxy."""

import re

import httptools

_URL = re.compile(rb"(https?)://([^/?]*)(.*)", re.IGNORECASE | re.DOTALL)
_DEFAULT_PORTS = {b"http": b":80", b"https": b":443"}


class HostError(httptools.HttpParserError):
    """A request does not name one valid host."""


def origin_form(target: bytes, method: bytes, host: bytes) -> bytes:
    """The target without scheme and host. `host` is the value of the `Host` field, empty if there is none.

    Raises `HttpParserError` for a target of another kind or with a fragment, and `HostError` for a URL with another
    host: by RFC 9112 it would overrule `Host`, and a proxy in front may have checked only one of them.
    """
    if b"#" in target:
        msg = "a fragment is not sent"
        raise httptools.HttpParserError(msg)
    if target.startswith(b"/") or (target == b"*" and method == b"OPTIONS"):
        return target
    found = _URL.fullmatch(target)
    if found is None:
        msg = "neither a path nor a URL"
        raise httptools.HttpParserError(msg)
    scheme, authority, rest = found.groups()
    port = _DEFAULT_PORTS[scheme.lower()]
    if not authority or _without(port, authority) != _without(port, host or authority):
        msg = "another host than in the Host field"
        raise HostError(msg)
    return rest if rest.startswith(b"/") else b"/" + rest


def _without(port: bytes, authority: bytes) -> bytes:
    return authority.lower().removesuffix(port).removesuffix(b":")
