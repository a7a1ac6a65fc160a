"""Who sends a request: the name that authentication found, else the address of the client.

Rate limits, idempotency keys and cursors belong to a caller. Middleware in the layer AUTHENTICATE sets the name.
"""

from functools import lru_cache
from ipaddress import IPv6Address, ip_address

from starlette.types import Scope

_NAME = "firstlight.caller"
_ADDRESS_OF_ALL = "unknown"
ADDRESS_CHARACTERS = 45  # of the longest address without a zone; longer ones would take too much memory
_IPV6_PREFIX_BITS = 64  # one customer of an access provider has at least a /64


def authenticate(scope: Scope, name: str) -> None:
    """Set the name of the caller, such as the subject of its token."""
    scope[_NAME] = name


def authenticated_name(scope: Scope) -> str | None:
    """The name that authentication has set. None: the caller is not known."""
    name: str | None = scope.get(_NAME)
    return name


def is_authenticated(scope: Scope) -> bool:
    """Whether authentication has set a name."""
    return _NAME in scope


def name_of(scope: Scope) -> str:
    """The name of the caller, with a prefix that says where it is from: `name:` or `address:`."""
    name = scope.get(_NAME)
    return f"address:{address_of(scope)}" if name is None else f"name:{name}"


def address_of(scope: Scope) -> str:
    """The address of the client behind trusted proxies. IPv6 addresses of one /64 network are one address."""
    client = scope.get("client")
    if not client:
        return _ADDRESS_OF_ALL
    return (_remembered if len(client[0]) <= ADDRESS_CHARACTERS else _network_of)(client[0])


def _network_of(host: str) -> str:
    try:
        address = ip_address(host)
    except ValueError:
        return _ADDRESS_OF_ALL
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
        return f"{IPv6Address(int(address) >> _IPV6_PREFIX_BITS << _IPV6_PREFIX_BITS)}/{_IPV6_PREFIX_BITS}"
    return str(address)


_remembered = lru_cache(maxsize=4096)(_network_of)  # it takes 3 to 8 us
