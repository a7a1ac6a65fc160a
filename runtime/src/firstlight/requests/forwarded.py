"""The client behind proxies, from `Forwarded` and `X-Forwarded-*` of a proxy in `TRUSTED_PROXIES`.

A header is read from its right end, where the nearest proxy wrote. The first address that is not a trusted proxy is the
client. The client may have invented everything left of it.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address

from starlette.types import Scope

from ..settings.networks import Network
from .arrival import PEER

MAX_PROXIES = 32
_FORWARDED, _FOR, _PROTO = b"forwarded", b"x-forwarded-for", b"x-forwarded-proto"
_NAMES = frozenset({_FORWARDED, _FOR, _PROTO})
_SCHEMES = {"http": "http", "https": "https", "ws": "http", "wss": "https"}
_OF_WEBSOCKETS = {"http": "ws", "https": "wss"}
_ELEMENT = re.compile(r'(?:[^,"]|"(?:[^"\\]|\\.)*")+')
_PAIR = re.compile(r'(?:^|;)\s*(for|proto)\s*=\s*(?:"([^"]*)"|([^;,"\s]*))', re.IGNORECASE)
_WITH_PORT = re.compile(r"\[([^\]]*)\](?::\w*)?|([^:]*):\w*")

Address = IPv4Address | IPv6Address


class Proxies:
    """The trusted proxies, whose headers name the client."""

    def __init__(self, trusted: Sequence[Network]) -> None:
        """Trust proxies with an address in `trusted`."""
        self.trusted = trusted

    def resolve(self, scope: Scope) -> None:
        """Replace client and scheme of a request by those that trusted proxies wrote, if they are valid."""
        if not self.trusted:
            return
        peer = scope.get(PEER) or scope.get("client")
        address = _address(peer[0]) if peer else None
        if address is None or not self._is_trusted(address):
            return
        hops, scheme = _said(scope["headers"])
        for _, (hop, its_scheme) in zip(range(MAX_PROXIES), hops, strict=False):
            address = _address(hop)
            if address is None:  # the client may have written everything left of it
                break
            scope.setdefault(PEER, peer)
            scope["client"], scheme = (str(address), 0), its_scheme
            if not self._is_trusted(address):
                break
        if (scheme := _SCHEMES.get(scheme.lower(), "")) != "":
            scope["scheme"] = _OF_WEBSOCKETS[scheme] if scope["type"] == "websocket" else scheme

    def _is_trusted(self, address: Address) -> bool:
        return any(address in network for network in self.trusted)


def _said(headers: Iterable[Sequence[bytes]]) -> tuple[Iterator[tuple[str, str]], str]:
    """Addresses, each with the scheme of its connection, and the last scheme; the nearest proxy first."""
    lines: dict[bytes, str] = {}
    for name, value in headers:
        if name in _NAMES:
            lines[name] = f"{lines[name]},{value.decode('latin-1')}" if name in lines else value.decode("latin-1")
    if _FOR in lines or _PROTO in lines:  # most proxies write these, and pass on what a client wrote as `Forwarded`
        scheme = next(_from_right(lines.get(_PROTO, "")), "")
        return ((hop, scheme) for hop in _from_right(lines.get(_FOR, ""))), scheme
    elements = [_pairs(element) for element in _ELEMENT.findall(lines.get(_FORWARDED, ""))[-MAX_PROXIES:]]
    hops = [(element.get("for", ""), element.get("proto", "")) for element in reversed(elements)]
    return iter(hops), hops[0][1] if hops else ""


def _from_right(text: str) -> Iterator[str]:
    while text:
        text, _, last = text.rpartition(",")
        yield last.strip()


def _pairs(element: str) -> dict[str, str]:
    return {name.lower(): quoted or plain for name, quoted, plain in _PAIR.findall(element)}


def _address(text: str) -> Address | None:
    """An address with or without brackets and a port. An IPv4 address inside IPv6 is returned as IPv4."""
    match = _WITH_PORT.fullmatch(text)
    try:
        address = ip_address((match[1] or match[2] or "") if match else text)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
