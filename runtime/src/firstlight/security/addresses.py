"""Which IP addresses are public: a service may connect to them for a client.

The tables are our own, because those of `ipaddress` differ between patch versions of Python.
"""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

# IANA's registries of special-purpose addresses, multicast, and 168.63.129.16, which is inside every Azure network.
_NOT_PUBLIC_V4 = tuple(
    IPv4Network(network)
    for network in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "168.63.129.16/32",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/3",
    )
)
_UNICAST_V6 = IPv6Network("2000::/3")  # all that IANA has assigned for global unicast
_NOT_PUBLIC_V6 = tuple(map(IPv6Network, ("2001::/23", "2001:db8::/32", "3fff::/20")))
_MAPPED, _NAT64, _6TO4 = IPv6Network("::ffff:0:0/96"), IPv6Network("64:ff9b::/96"), IPv6Network("2002::/16")
_6TO4_SHIFT = 80  # bits after the IPv4 address in an address of 6to4


def is_public(address: Address, allowed: Sequence[Network] = ()) -> bool:
    """Whether an address is public, or in one of the networks in `allowed`.

    An IPv6 address that leads to an IPv4 address (mapped, NAT64, 6to4) is as public as that one.
    """
    inner = _inner(address)
    if any(each in network for network in allowed for each in (address, inner)):
        return True
    if isinstance(inner, IPv4Address):
        return not any(inner in network for network in _NOT_PUBLIC_V4)
    return inner in _UNICAST_V6 and not any(inner in network for network in _NOT_PUBLIC_V6)


def parsed(text: str) -> Address | None:
    """The address, with or without the brackets of a URL. None for a name, and for an address with a zone."""
    if ":" not in text and not text[-1:].isdigit():  # a name; an exception would cost more than the rest
        return None
    try:
        address = ip_address(text.removeprefix("[").removesuffix("]"))
    except ValueError:
        return None
    return None if getattr(address, "scope_id", None) else address


def _inner(address: Address) -> Address:
    if isinstance(address, IPv6Address):
        if address in _MAPPED or address in _NAT64:
            return IPv4Address(int(address) & 0xFFFFFFFF)
        if address in _6TO4:
            return IPv4Address(int(address) >> _6TO4_SHIFT & 0xFFFFFFFF)
    return address
