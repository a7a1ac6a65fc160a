"""The address of a dependency, as HTTP_CLIENT_DEPENDENCIES has it after `name=`.

* `https://screening.example` is one server, or what balances behind its name.
* `3*http://a:8000|http://b:8000` are instances with weights.
* `srv://_http._tcp.screening.example` is found by DNS SRV records.
* `dns://screening.example:8000` is found by the A and AAAA records of the name.
* `consul://localhost:8500/screening` is found by the agent of Consul at this address.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit

import httpx2

from .instance import Instance
from .options import SCHEMES, Address, named, one_of, place, taken_apart

AGENT_PORT, DNS_PORT = 8500, 53
MAX_WEIGHT = 1000
_STATIC = re.compile(r"(?:(\d{1,4})\*)?(https?://[^/?#|*\s]+[^?#|\s]*)")


@dataclass(frozen=True, slots=True)
class Target:
    """Where a dependency is."""

    url: str
    """The base URL of its client. Its host is the name in `Host` and in the certificate of discovered instances."""
    kind: str
    """`url`, `static`, `srv`, `dns` or `consul`."""
    name: str = ""
    """What is looked up."""
    address: Address = field(default_factory=Address)
    """The host and the options of the lookup."""
    instances: Sequence[Instance] = ()
    """Those of `static`."""

    @property
    def servers(self) -> Sequence[str]:
        """The URLs that its client may call: the base URL, and instances that are listed."""
        scheme = self.url.partition("://")[0]
        return self.url, *(f"{scheme}://{instance.name}" for instance in self.instances)


def parse(text: str) -> Target:
    """The target of an address. Raises `ValueError` with one sentence that says what it must be."""
    text = re.sub("[A-Za-z]+://", lambda scheme: scheme[0].lower(), text.strip())
    kind = text.partition("://")[0]
    if kind in KINDS:
        return KINDS[kind](text)
    if re.match(r"https?://[^/?#]", text) and "|" not in text:
        return _plain(text)
    parts = text.split("|")
    found = [_STATIC.fullmatch(part.strip()) for part in parts]
    if not all(found):
        raise ValueError(MUST)
    return _static([(int(each[1] or 1), urlsplit(each[2])) for each in found if each])


def _plain(text: str) -> Target:
    must = "must have a host, and no query, in a url, such as https://screening.example:8443/v1"
    try:
        url = httpx2.URL(text)
    except httpx2.InvalidURL as error:
        raise ValueError(must) from error
    place(url.netloc.decode("ascii"), must)
    if url.query or url.fragment or text.endswith(("?", "#")):
        raise ValueError(must)
    return Target(text, "url")


def _static(parts: Sequence[tuple[int, SplitResult]]) -> Target:
    must = "must have the same scheme and path in all URLs of one dependency, separated by |"
    first = parts[0][1]
    if any((url.scheme, url.path) != (first.scheme, first.path) for _, url in parts):
        raise ValueError(must)
    if not all(0 < weight <= MAX_WEIGHT for weight, _ in parts):
        msg = f"must have weights from 1 to {MAX_WEIGHT}, such as 3*http://a.example|http://b.example"
        raise ValueError(msg)
    instances = []
    for weight, url in parts:
        host, port = place(url.netloc, f"must have a host and no password after {url.scheme}:// where URLs are listed")
        default = 443 if url.scheme == "https" else 80
        instances.append(Instance(host, port or default, float(weight), has_own_name=True))
    if len({each.name for each in instances}) < len(instances):
        msg = "must name each instance of a dependency once"
        raise ValueError(msg)
    return Target(first.geturl(), "static", instances=instances)


def _srv(text: str) -> Target:
    address = taken_apart(text, {"scheme", "host", "server"})
    labels = address.host.split(".")
    if len(labels) < 3 or not (labels[0].startswith("_") and labels[1] == "_tcp") or address.port:  # noqa: PLR2004 - service, protocol, name
        msg = "must name service and protocol, and no port, in srv://, such as srv://_http._tcp.screening.example"
        raise ValueError(msg)
    return Target(_url(address, ".".join(labels[2:]).rstrip(".")), "srv", address.host, _with_server(address))


def _dns(text: str) -> Target:
    address = taken_apart(text, {"scheme", "host", "server"})
    if address.port is None:
        msg = "must have the port of the instances in dns://, such as dns://screening.example:8000"
        raise ValueError(msg)
    if _is_address(address.host):
        msg = f"must have a name in dns://, because an address is not looked up; http://{named(address.host)} is enough"
        raise ValueError(msg)
    url = _url(address, f"{address.host.rstrip('.')}:{address.port}")
    return Target(url, "dns", address.host, _with_server(address))


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _consul(text: str) -> Target:
    address = taken_apart(text, {"scheme", "host", "dc", "tag", "agent"}, {"tag"})
    one_of(address, "agent", SCHEMES)
    name, _, path = address.path.removeprefix("/").partition("/")
    if not name:
        msg = "must have the agent and the name of the service in consul://, such as consul://localhost:8500/screening"
        raise ValueError(msg)
    at = Address(address.host, address.port or AGENT_PORT, f"/{path}" if path else "", address.options)
    return Target(_url(at, name), "consul", name, at)


def _url(address: Address, name: str) -> str:
    """The base URL, whose host is the option `host` or else the name."""
    host = address.option("host", name)
    place(host, "must have a host in the option host, such as host=screening.example")
    return f"{one_of(address, 'scheme', SCHEMES)}://{host}{address.path}"


def _with_server(address: Address) -> Address:
    if "server" in address.options:
        place(address.option("server"), "must have a DNS server in the option server, such as server=127.0.0.1:8600")
    return address


KINDS: Mapping[str, Callable[[str], Target]] = {"srv": _srv, "dns": _dns, "consul": _consul}
MUST = (
    "must be a list of name=url, such as screening=https://screening.example,billing=https://billing.example; "
    "a url may also be http://a|http://b, srv://_http._tcp.name, dns://name:port or consul://agent:port/service"
)
