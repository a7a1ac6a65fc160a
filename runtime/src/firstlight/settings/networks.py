"""Addresses and networks in a setting."""

from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Annotated

from pydantic import BeforeValidator
from pydantic_settings import NoDecode

Network = IPv4Network | IPv6Network


def _networks(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        return tuple(ip_network(part) for part in filter(None, map(str.strip, value.split(","))))
    except ValueError:
        msg = "must be a list of addresses and networks, such as 10.0.0.0/8,192.0.2.7,fd00::/8"
        raise ValueError(msg) from None


Networks = Annotated[tuple[Network, ...], NoDecode, BeforeValidator(_networks)]
