"""The type of settings that list IP addresses and networks."""

from contextlib import suppress
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Annotated

from pydantic import BeforeValidator
from pydantic_settings import NoDecode

Network = IPv4Network | IPv6Network


def _networks(value: object) -> object:
    if not isinstance(value, str):
        return value
    return tuple(_network(part) for part in filter(None, map(str.strip, value.split(","))))


def _network(part: str) -> Network:
    try:
        return ip_network(part)
    except ValueError:
        pass
    msg = f"must be a list of addresses and networks, such as 10.0.0.0/8,192.0.2.7,fd00::/8, not {part[:64]!r}"
    with suppress(ValueError):
        msg += f", whose network is {ip_network(part, strict=False)}"
    raise ValueError(msg)


Networks = Annotated[tuple[Network, ...], NoDecode, BeforeValidator(_networks)]
