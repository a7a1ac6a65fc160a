"""What the heads of all responses of one port share: how they begin, and the names of fields."""

import re
from collections.abc import Sequence

from uvicorn.protocols.http.httptools_impl import STATUS_LINE

MOST_NAMES = 512  # an application has few; one that makes them up must not fill the memory
_NO_NAME = re.compile(rb"[^!#$%&'*+\-.^_`|~0-9A-Za-z]|\A\Z")

Pairs = Sequence[tuple[bytes, bytes]]


class KnownFields:
    """Each beginning is made once a second, and each name is examined once."""

    def __init__(self) -> None:
        """Nothing is known yet."""
        self._fields: Pairs = ()
        self._beginnings: dict[int, bytes] = {}
        self.names: dict[bytes, bytes] = {}
        """Names as they were given, and in lower case."""

    def beginning(self, status: int, fields: Pairs) -> bytes:
        """The status line and `fields`, which uvicorn replaces every second because of the date."""
        if fields is not self._fields:
            self._fields, self._beginnings = fields, {}
        known = self._beginnings.get(status)
        if known is None:
            known = STATUS_LINE[status] + b"".join(b"%b: %b\r\n" % field for field in fields)
            self._beginnings[status] = known
        return known

    def examined(self, given: bytes) -> bytes:
        """A name that is not known yet, in lower case. Raises `RuntimeError` for one that a response must not have."""
        if _NO_NAME.search(given):
            msg = f"{given!r} is no name of a header: letters, digits and hyphens are."
            raise RuntimeError(msg)
        name = given.lower()
        if len(self.names) < MOST_NAMES:
            self.names[given] = name
        return name
