"""Those whom a limit does not apply to: networks, and callers by their name."""

from collections.abc import Collection
from functools import lru_cache
from ipaddress import ip_address, ip_network

from starlette.types import Scope

from .. import caller
from ..errors import ArrangementError
from ..settings.networks import Network

NAME = "name:"


class Exemptions:
    """The exemptions of one limit."""

    def __init__(self, limit: str, exempt: Collection[str]) -> None:
        """Raises `ArrangementError` for what is neither a network nor a caller. `limit` is the name of the limit."""
        self._names = frozenset(text for text in exempt if text.startswith(NAME))
        self._networks = tuple(_network(limit, text) for text in exempt if text not in self._names)
        self._remembered = lru_cache(maxsize=1024)(self._holds_address)

    def hold(self, scope: Scope) -> bool:
        """Whether the sender of a request is exempt."""
        if self._names and caller.is_authenticated(scope) and caller.name_of(scope) in self._names:
            return True
        client = scope.get("client")
        if not self._networks or not client:
            return False
        return (self._remembered if len(client[0]) <= caller.ADDRESS_CHARACTERS else self._holds_address)(client[0])

    def _holds_address(self, host: str) -> bool:
        try:
            address = ip_address(host)
        except ValueError:
            return False
        address = getattr(address, "ipv4_mapped", None) or address
        return any(address in network for network in self._networks)


def _network(limit: str, text: str) -> Network:
    try:
        return ip_network(text)
    except ValueError:
        msg = f"the rate limit {limit!r} must exempt networks (10.0.0.0/8) and callers (name:nightly), not {text!r}"
        raise ArrangementError(msg) from None
