"""The types of problems: what the `type` and `title` of a problem document mean, by status code.

The service serves a page for each type at its `type` URI. Titles come from a table of our own, because those of
Python's `http` module differ between versions of Python.
"""

import http.client
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

PREFIX = "/problems/"
NO_TYPE = "about:blank"  # RFC 9457, 4.2.1: the problem says no more than its status
_TABLE = Path(__file__).with_suffix(".toml")


class ProblemType(NamedTuple):
    """One type of problem. `meaning` and `remedy` are complete English sentences, in plain text."""

    name: str
    """The last part of the type's URI, such as `not-found`."""
    status: int
    title: str
    """The reason phrase of the status."""
    meaning: str
    """What has happened."""
    remedy: str
    """What a client should do."""

    @property
    def uri(self) -> str:
        """The `type` of a problem document: a reference relative to the service."""
        return f"{PREFIX}{self.name}"


def _types() -> Mapping[int, ProblemType]:
    rows = tomllib.loads(_TABLE.read_text("utf-8"))
    return {row["status"]: ProblemType(name, **row) for name, row in rows.items()}


PROBLEM_TYPES = _types()
"""The types of problems by status code."""
_BY_STATUS = {status: (each.uri, each.title) for status, each in PROBLEM_TYPES.items()}


def type_and_title(status: int) -> tuple[str, str]:
    """The `type` and the `title` of a problem with a status. A status without a type of its own is `about:blank`."""
    return _BY_STATUS.get(status) or (NO_TYPE, http.client.responses.get(status, "Error"))


def meaning(status: int) -> str:
    """What has happened where a response has this status, as a sentence."""
    known = PROBLEM_TYPES.get(status)
    return f"{http.client.responses.get(status, 'Error')}." if known is None else known.meaning
