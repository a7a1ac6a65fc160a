"""The hosts of a service: the names in the `Host` field under which it answers."""

import re
from collections.abc import Sequence
from ipaddress import ip_address

from ..requests.target import MAX_PORT
from ..settings.hosts import ALL
from .addresses import Address

# Of RFC 9112, section 3.2, what names and addresses consist of; and a port.
HOST = re.compile(rb"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::([0-9]{0,5}))?")
_REMEMBERED = 128  # values of `Host` that were accepted
_LOCAL = ("localhost", ".localhost")


def is_host(value: bytes) -> bool:
    """Whether the value of a `Host` field is a name or an address, with or without a port."""
    match = HOST.fullmatch(value)
    return match is not None and int(match[2] or 0) <= MAX_PORT


def name_of(value: bytes) -> str:
    """The name in a valid `Host` field in lower case, without port and the dot at the end; or the address."""
    match = HOST.fullmatch(value)
    assert match is not None
    name = match[1].decode().lower().removesuffix(".")
    return str(_address(name) or name)


class TrustedHosts:
    """The hosts in `TRUSTED_HOSTS`."""

    def __init__(self, trusted: Sequence[str]) -> None:
        """Trust these names, all names below those that begin with `*.`, and these addresses."""
        self._all = ALL in trusted
        self._names = frozenset(trusted)
        self._below = tuple(name.removeprefix(ALL) for name in trusted if name.startswith("*."))
        self._accepted: set[bytes] = set()

    @property
    def are_named(self) -> bool:
        """Whether the list leaves hosts out, so that a trusted host is one that the service knows."""
        return not self._all

    def serve(self, given: Sequence[bytes]) -> bool:
        """Whether to serve a request with these `Host` fields: one that is valid and trusted."""
        return len(given) == 1 and (given[0] in self._accepted or self._include(given[0]))

    def _include(self, value: bytes) -> bool:
        accepted = is_host(value) and (self._all or self._has(name_of(value)))
        if accepted and len(self._accepted) < _REMEMBERED:
            self._accepted.add(value)
        return accepted

    def _has(self, name: str) -> bool:
        return name in self._names or name.endswith(self._below)


class LocalHosts(TrustedHosts):
    """The hosts of a service in development, which only its own machine reaches.

    A page on the Internet can let its own name resolve to 127.0.0.1, and then read the service in the browser of a
    developer (DNS rebinding). It cannot do so with an address, `localhost`, or a name without a dot.
    """

    def __init__(self) -> None:
        """Trust those."""
        super().__init__(())

    @property
    def are_named(self) -> bool:
        """They are not: the service does not know them."""
        return False

    def serve(self, given: Sequence[bytes]) -> bool:
        """The same, and a request without the field, which no browser sends."""
        return not given or super().serve(given)

    def _has(self, name: str) -> bool:
        return "." not in name or name.endswith(_LOCAL) or _address(name) is not None


def _address(name: str) -> Address | None:
    try:
        return ip_address(name.removeprefix("[").removesuffix("]"))
    except ValueError:
        return None
