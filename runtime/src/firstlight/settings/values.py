"""Parsers for the values of OpenTelemetry's variables, by the types of its specification.

Each returns the value, or raises `ValueError`, whose text says what the value must be. Letter case and spaces around a
value are ignored. Durations and timeouts are in milliseconds.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple
from urllib.parse import unquote_to_bytes, urlsplit

LARGEST = 2**31 - 1
NO_LIMIT_MILLISECONDS = LARGEST  # the specification's substitute for "no limit"
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_OWN_HEADERS = frozenset(
    {"connection", "content-encoding", "content-length", "content-type", "host", "transfer-encoding", "user-agent"}
)

Reader = Callable[[str], Any]


class Partly(NamedTuple):
    """A value without its invalid parts, and a description of those."""

    value: Any
    left_out: str


def boolean(value: str) -> bool:
    """Parse a boolean. Only `true` is true, as the specification requires."""
    if value.lower() not in {"true", "false"}:
        msg = "must be true or false"
        raise ValueError(msg)
    return value.lower() == "true"


def whole(minimum: int) -> Reader:
    """A whole number from `minimum` on."""

    def read(value: str) -> int:
        if not re.fullmatch(r"\+?[0-9]{1,10}", value) or not minimum <= int(value) <= LARGEST:
            msg = f"must be a whole number from {minimum} to {LARGEST}"
            raise ValueError(msg)
        return int(value)

    return read


def timeout(value: str) -> int:
    """Milliseconds. 0 means no limit."""
    return int(whole(0)(value)) or NO_LIMIT_MILLISECONDS


def ratio(value: str) -> float:
    """A number from 0 to 1."""
    if not re.fullmatch(r"(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?", value) or not 0 <= float(value) <= 1:
        msg = "must be a number from 0 to 1"
        raise ValueError(msg)
    return float(value)


def choice(*options: str) -> Reader:
    """One of `options`."""

    def read(value: str) -> str:
        if value.lower() not in options:
            msg = f"must be {' or '.join((', '.join(options[:-1]), options[-1]))}"
            raise ValueError(msg)
        return value.lower()

    return read


def choices(*options: str) -> Reader:
    """The options in a list, each once. With `none`, the result is empty."""

    def read(value: str) -> Any:
        named = list(dict.fromkeys(filter(None, (part.strip().lower() for part in value.split(",")))))
        known = [name for name in named if name in options]
        msg = f"must be a list of {', '.join(options)}"
        if not known:
            raise ValueError(msg)
        found = "none" if "none" in known else ",".join(known)
        return found if len(known) == len(named) else Partly(found, msg)

    return read


def metrics(value: str) -> Any:
    """Exporters of metrics: `otlp`, or `none` where only the scrape is left, which is always possible."""
    found = choices("otlp", "prometheus", "none")(value)
    named = found.value if isinstance(found, Partly) else found
    chosen = "otlp" if "otlp" in named.split(",") else "none"
    return Partly(chosen, found.left_out) if isinstance(found, Partly) else chosen


def text(value: str) -> str:
    """Printable text."""
    if not value.isprintable() or any("\ud800" <= character <= "\udfff" for character in value):
        msg = "must be printable text in UTF-8"
        raise ValueError(msg)
    return value


def url(value: str) -> str:
    """An http or https URL."""
    msg = "must be a URL such as http://127.0.0.1:4318"
    try:
        parts = urlsplit(text(value))
        good = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:
        good = False
    if not good or " " in value:
        raise ValueError(msg)
    return value


def methods(value: str) -> str:
    """A list of HTTP methods, which are case-sensitive."""
    named = list(filter(None, (part.strip() for part in value.split(","))))
    if not named or not all(map(_TOKEN.fullmatch, named)):
        msg = "must be a list of HTTP methods, such as GET,POST"
        raise ValueError(msg)
    return ",".join(named)


def pairs(value: str) -> Mapping[str, str]:
    """Resource attributes: `key=value,key=value`, percent-encoded. By specification, one bad pair makes all invalid."""
    found = {}
    for pair in filter(None, map(str.strip, value.split(","))):
        key, equals, content = (_decoded(part.strip()) for part in pair.partition("="))
        if not (key and equals and content is not None):
            msg = "must be a list of key=value, percent-encoded"
            raise ValueError(msg)
        found[key] = content
    return found


def headers(value: str) -> dict[str, str]:
    """Headers as `name=value,name=value`, percent-encoded, by name in lower case. Invalid headers are left out."""
    found = {}
    for pair in filter(None, map(str.strip, value.split(","))):
        name, equals, content = (_decoded(part.strip()) for part in pair.partition("="))
        if equals and name and _TOKEN.fullmatch(name) and name.lower() not in _OWN_HEADERS and _is_sent(content):
            found[name.lower()] = str(content)
    return found


def secret_headers(value: str) -> Any:
    """The text itself. Invalid parts may be secret, so they are counted and not repeated."""
    count = len(list(filter(None, map(str.strip, value.split(",")))))
    if len(headers(value)) == count:
        return value
    return Partly(value, "must be a list of name=value, percent-encoded, that repeats no header of the exporter")


def _is_sent(content: str | None) -> bool:
    return content is not None and content.isascii() and content.isprintable()


def _decoded(part: str) -> str | None:
    try:
        return text(unquote_to_bytes(part.encode()).decode())
    except ValueError:
        return None
