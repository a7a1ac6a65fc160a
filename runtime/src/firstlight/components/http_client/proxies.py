"""Which calls go through a proxy: `HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY`, as curl and Go read them.

`NO_PROXY` has names, which stand for the names below them as well, addresses, networks such as `10.0.0.0/8`, and `*`;
each may have a port. This machine is never called through a proxy.
"""

from collections.abc import Mapping
from ipaddress import ip_address, ip_network

import httpx2

CALLED = "firstlight.called"  # extension of a request to an instance: its URL with the name of the dependency


class Proxies:
    """The proxies of the environment."""

    def __init__(self, by_scheme: Mapping[str, str], excluded: str) -> None:
        """`by_scheme` has the URLs of proxies by the scheme of the target. `excluded` is `NO_PROXY`."""
        self.by_scheme = by_scheme
        self._excluded = [entry.strip().lower() for entry in excluded.split(",") if entry.strip()]

    def proxy_of(self, url: httpx2.URL) -> str | None:
        """The URL of the proxy for a call, or None."""
        proxy = self.by_scheme.get(url.scheme)
        if proxy is None or is_here(url.host):
            return None
        port = url.port or (443 if url.scheme == "https" else 80)
        return None if any(_covers(entry, url.host, port) for entry in self._excluded) else proxy


def is_here(host: str) -> bool:
    """Whether a host is this machine."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _covers(entry: str, host: str, port: int) -> bool:
    if entry == "*":
        return True
    name, colon, number = entry.rpartition(":")
    if colon and number.isdigit() and (":" not in name or name.endswith("]")):
        if int(number) != port:
            return False
        entry = name
    try:
        return ip_address(host) in ip_network(entry.strip("[]"), strict=False)
    except ValueError:
        name = entry.removeprefix("*").removeprefix(".")
        return host == name or host.endswith(f".{name}")
