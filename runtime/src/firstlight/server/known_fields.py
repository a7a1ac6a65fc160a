"""What the heads of all responses of one port share: how they begin, and the names of fields."""

import re
from collections.abc import Sequence
from typing import NoReturn

from uvicorn.protocols.http.httptools_impl import STATUS_LINE

LONGEST_LINE = 256  # bytes; a longer one is not remembered
MOST_NAMES = 512  # an application has few; one that makes them up must not fill the memory
_NO_NAME = re.compile(rb"[^!#$%&'*+\-.^_`|~0-9A-Za-z]|\A\Z")

NO_VALUE = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
REPEATED = frozenset({b"content-type", b"cache-control"})  # fields that have few different values

Pairs = Sequence[tuple[bytes, bytes]]


class KnownFields:
    """Each beginning is made once a second, and each name is examined once."""

    def __init__(self) -> None:
        """Nothing is known yet."""
        self._fields: Pairs = ()
        self._beginnings: dict[int, bytes] = {}
        self.names: dict[bytes, bytes] = {}
        """Names as they were given, and in lower case."""
        self.lines: dict[tuple[bytes, bytes], bytes] = {}
        """The lines of fields in `REPEATED`, by name and value."""

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

    def line(self, name: bytes, value: bytes) -> bytes:
        """The line of a field in `REPEATED` that is not known yet. Raises `RuntimeError` for a bad value."""
        if NO_VALUE.search(value):
            refuse_value(name)
        line = b"%b: %b\r\n" % (name, value)
        if len(self.lines) < MOST_NAMES and len(line) < LONGEST_LINE:
            self.lines[name, value] = line
        return line


def refuse_value(name: bytes) -> NoReturn:
    """Raise `RuntimeError` about a value that would end the field, or that clients would refuse."""
    msg = f"The header {name.decode()} has a control character in its value."
    raise RuntimeError(msg)
