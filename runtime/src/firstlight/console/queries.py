"""The arguments of a request to the console: of its query, or of the JSON of its body."""

import math
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

import orjson

from ..text import visible

MOST_FIELDS = 20
LARGEST = 2.0**53


class BadQueryError(ValueError):
    """The arguments cannot be used. The message is a sentence for the client."""


class NotFoundError(LookupError):
    """Nothing is there. The message is a sentence for the client."""


class Query:
    """Arguments by name. It remembers which were asked for, so that `end` can refuse all others."""

    def __init__(self, arguments: Mapping[str, Any]) -> None:
        """Use `arguments`."""
        self._arguments = arguments
        self._known: set[str] = set()

    @classmethod
    def parsed(cls, query_string: bytes) -> "Query":
        """The arguments of a query. Raises `BadQueryError` if there are too many, or two of one name."""
        try:
            given = parse_qsl(query_string.decode("latin-1"), max_num_fields=MOST_FIELDS)
        except ValueError:
            msg = f"A query may have {MOST_FIELDS} arguments."
            raise BadQueryError(msg) from None
        if len(arguments := dict(given)) < len(given):
            msg = "Each argument may be given once."
            raise BadQueryError(msg)
        return cls(arguments)

    @classmethod
    def of_body(cls, body: bytes) -> "Query":
        """The members of an object in JSON. Raises `BadQueryError` for anything else."""
        try:
            arguments = orjson.loads(body or b"{}")
        except ValueError:
            arguments = None
        if not isinstance(arguments, dict):
            msg = "The body must be an object in JSON."
            raise BadQueryError(msg)
        return cls(arguments)

    def text(self, name: str) -> str:
        """A text, empty if it is missing. Raises `BadQueryError` if it is something else."""
        value = self._given(name, "")
        if not isinstance(value, str):
            msg = f"{name} must be a text."
            raise BadQueryError(msg)
        return value

    def choice(self, name: str, *options: str) -> str:
        """One of the options, or an empty text if it is missing. Raises `BadQueryError`."""
        value = self.text(name).lower()
        if value and value not in options:
            msg = f"{name} must be one of {', '.join(options)}."
            raise BadQueryError(msg)
        return value

    def flag(self, name: str) -> bool:
        """Whether it is given as 1 or true. Raises `BadQueryError` for anything but that, 0 and false."""
        return self.choice(name, "1", "true", "0", "false") in {"1", "true"}

    def number(self, name: str, default: float, least: float = 0, most: float = LARGEST) -> float:
        """A number within limits, the default if it is missing. Raises `BadQueryError`."""
        given = self._given(name, default)
        try:
            number = math.nan if isinstance(given, bool) else float(given)
        except (TypeError, ValueError, OverflowError):
            number = math.nan
        if not least <= number <= most:
            limits = f"from {least:g} to {most:g}" if most < LARGEST else f"of at least {least:g}"
            msg = f"{name} must be a number {limits}."
            raise BadQueryError(msg)
        return number

    def end(self) -> None:
        """Raise `BadQueryError` for an argument that nobody has asked for: a name that this twin does not know."""
        if others := self._arguments.keys() - self._known:
            known = f"the arguments are {', '.join(sorted(self._known))}" if self._known else "there are no arguments"
            msg = f"{visible(min(others))} is no argument here: {known}."
            raise BadQueryError(msg)

    def _given(self, name: str, default: Any) -> Any:
        """The value of an argument; the default if it is missing or an empty text."""
        self._known.add(name)
        value = self._arguments.get(name, default)
        return default if value == "" else value
