"""The headers of every response: the recommendations of OWASP for APIs (REST Security Cheat Sheet, Secure Headers).

A response that is no page needs no script, no frame and no referrer. A handler that sets one of these headers itself,
such as a page with a policy of its own, keeps its value.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

HEADERS: Mapping[str, str] = {
    "X-Content-Type-Options": "nosniff",
    # `base-uri` and `form-action` do not follow `default-src`.
    "Content-Security-Policy": "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}
REQUEST_ID = b"x-request-id"
LINES = "firstlight.lines"  # in the scope of our server: request id, fields and lines that it adds to the response
_LISTS = frozenset({b"vary"})  # fields whose values add up

Header = tuple[bytes, bytes]


class Fields(NamedTuple):
    """Header fields, as an ASGI message has them and as they are sent. A response has each of `names` only once.

    `names` has that of the request id, which comes with them.
    """

    pairs: Sequence[Header]
    lines: bytes
    names: frozenset[bytes]


def fields(*headers: Mapping[str, str]) -> Fields:
    """The fields of all `headers`."""
    pairs = tuple((name.lower().encode(), value.encode()) for each in headers for name, value in each.items())
    lines = b"".join(b"%b: %b\r\n" % pair for pair in pairs)
    return Fields(pairs, lines, frozenset({REQUEST_ID, *(name for name, _ in pairs)}) - _LISTS)


FIELDS, NO_FIELDS = fields(HEADERS), fields()


def completed(given: Iterable[Sequence[bytes]], added: Fields) -> list[Sequence[bytes]]:
    """The headers of a response with those in `added` that it does not have."""
    headers = list(given)
    has = {header[0].lower() for header in headers} & added.names
    headers.extend(pair for pair in added.pairs if pair[0] not in has)
    return headers
