"""The arguments of a request to the console: of its query, or of the JSON of its body."""

import math
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

import orjson

MOST_FIELDS = 20


class BadQueryError(ValueError):
    """The arguments cannot be used. The message is a sentence for the client."""


class NotFoundError(LookupError):
    """Nothing is there. The message is a sentence for the client."""


class Query:
    """Arguments by name. Those that a twin does not know are ignored."""

    def __init__(self, arguments: Mapping[str, Any]) -> None:
        """Use `arguments`."""
        self._arguments = arguments

    @classmethod
    def parsed(cls, query_string: bytes) -> "Query":
        """The arguments of a query. Raises `BadQueryError` if there are too many."""
        try:
            return cls(dict(parse_qsl(query_string.decode("latin-1"), max_num_fields=MOST_FIELDS)))
        except ValueError:
            msg = f"A query may have {MOST_FIELDS} arguments."
            raise BadQueryError(msg) from None

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
        value = self._arguments.get(name, "")
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

    def number(self, name: str, default: float, least: float = 0, most: float = 2**53) -> float:
        """A number within limits. Raises `BadQueryError`."""
        given = self._arguments.get(name, default)
        try:
            number = math.nan if isinstance(given, bool) else float(given or default)
        except (TypeError, ValueError, OverflowError):
            number = math.nan
        if not least <= number <= most:
            msg = f"{name} must be a number from {least:g} to {most:g}."
            raise BadQueryError(msg)
        return number
