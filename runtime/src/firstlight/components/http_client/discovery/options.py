"""The parts that all addresses with `srv://`, `dns://` and `consul://` have: place, path and options."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlsplit

from ....requests.target import MAX_PORT

SCHEMES = ("http", "https")
_HOST = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_])?\.?")
_PATH = re.compile(r"(?:/[A-Za-z0-9._~!$&'()*+;=:@%-]*)*")


@dataclass(frozen=True, slots=True)
class Address:
    """An address, taken apart."""

    host: str = ""
    port: int | None = None
    path: str = ""
    options: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def option(self, name: str, default: str = "") -> str:
        """The value of an option that may be there once."""
        return self.options.get(name, (default,))[0]


def taken_apart(text: str, known: Collection[str], repeated: Collection[str] = ()) -> Address:
    """The parts of an address. Raises `ValueError` with what it must be, for a host or an option that it cannot have.

    Only options in `known` are allowed, and only those in `repeated` more than once.
    """
    scheme = text.partition(":")[0]
    parts = urlsplit(text)
    host, port = place(parts.netloc, f"must have a host after {scheme}://, such as {scheme}://name.example")
    if not _PATH.fullmatch(parts.path) or parts.fragment:
        msg = f"must have a plain path in {scheme}://"
        raise ValueError(msg)
    options: dict[str, list[str]] = {}
    for name, value in parse_qsl(parts.query, keep_blank_values=True):
        if name not in known or not value or (name in options and name not in repeated):
            msg = f"must have only these options in {scheme}://, each once and with a value: {', '.join(sorted(known))}"
            raise ValueError(msg)
        options.setdefault(name, []).append(value)
    return Address(host, port, parts.path.rstrip("/"), options)


def place(text: str, must: str) -> tuple[str, int | None]:
    """Host and port. An IPv6 address is in brackets. Raises `ValueError` with the text `must`."""
    host, colon, port = text.rpartition(":") if re.search(r":\d*$", text) else (text, "", "")
    bare = host[1:-1] if re.fullmatch(r"\[[0-9A-Fa-f:.]+\]", host) else host
    if bare == host and not _HOST.fullmatch(host):
        raise ValueError(must)
    if colon and not (port and 0 < int(port) <= MAX_PORT):
        raise ValueError(must)
    return bare, int(port) if port else None


def one_of(address: Address, name: str, choices: Sequence[str]) -> str:
    """The value of an option with a list of choices; the first one without. Raises `ValueError`."""
    value = address.option(name, choices[0])
    if value not in choices:
        msg = f"must have the option {name} as one of {', '.join(choices)}"
        raise ValueError(msg)
    return value


def named(host: str) -> str:
    """A host as it is written in a URL."""
    return f"[{host}]" if ":" in host else host
