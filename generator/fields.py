"""The rules for the fields of a manifest."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from .contract import MANAGEMENT_PORT

Rule = Callable[[object], str | None]  # returns what a wrong value must be, or None

# The limits of web, and the defaults for processes and commands.
MEMORY_MIB, PIDS = 192, 100
# Names of Kubernetes objects, units and containers are a slug (40 characters), this name and 8 digits.
LONGEST_NAME = 12


@dataclass(frozen=True, slots=True)
class Field:
    """One field: its rule and its default. A field without a default is required."""

    rule: Rule
    default: object = None


def text(value: object) -> str | None:
    """A string that is not empty."""
    return None if isinstance(value, str) and value.strip() else "must be a string, and not an empty one"


def any_text(value: object) -> str | None:
    """A string."""
    return None if isinstance(value, str) else "must be a string"


def variable(value: object) -> str | None:
    """The name of an environment variable."""
    known = isinstance(value, str) and re.fullmatch("[A-Z][A-Z0-9_]*", value)
    return None if known else "must be upper-case letters, digits and underscores, such as DATABASE_URL"


def name(value: object) -> str | None:
    """The name of a process or a command."""
    pattern = rf"(?=.{{1,{LONGEST_NAME}}}$)[a-z]([a-z0-9-]*[a-z0-9])?"
    if isinstance(value, str) and re.fullmatch(pattern, value):
        return None
    return f"must be 1 to {LONGEST_NAME} characters of a-z, 0-9 and hyphens, such as migrate"


def module(value: object) -> str | None:
    """A module, by its dotted name."""
    known = isinstance(value, str) and re.fullmatch(r"[a-z_]+(\.[a-z_]+)+", value)
    return None if known else "must name a module such as firstlight.components.database.idempotency"


def place(value: object) -> str | None:
    """A file or a folder, by its path in the package of a service or in its working directory."""
    known = isinstance(value, str) and re.fullmatch(r"\w[\w.*/-]*", value)
    return None if known else "must be a path without a slash in front, such as migrations"


def number(least: int, most: int, what: str) -> Rule:
    """A whole number within limits."""

    def rule(value: object) -> str | None:
        known = isinstance(value, int) and not isinstance(value, bool) and least <= value <= most
        return None if known else f"must be {what} from {least} to {most}"

    return rule


def one_of(*allowed: str) -> Rule:
    """One of a few words."""

    def rule(value: object) -> str | None:
        return None if value in allowed else f"must be {' or '.join(map(repr, allowed))}"

    return rule


def ports(value: object) -> str | None:
    """A list of ports."""
    known = isinstance(value, list) and all(PORT(port) is None for port in value)
    return None if known else "must be a list of ports from 1 to 65535"


def rows(fields: Mapping[str, Field]) -> Rule:
    """A list of tables that have these fields."""

    def rule(value: object) -> str | None:
        if not isinstance(value, list) or not all(isinstance(row, dict) for row in value):
            return "must be a list of tables"
        found = (wrong for row in value for wrong in faults_of(row, fields))
        return next((f"has a row in which {wrong}" for wrong in found), None)

    return rule


def faults_of(table: Mapping[str, object], fields: Mapping[str, Field]) -> list[str]:
    """What is wrong with the values of a table that has only known fields."""
    missing = [f"{key} is missing" for key, field in fields.items() if field.default is None and key not in table]
    wrong = [
        f"{key} {sentence}" for key, value in table.items() if key in fields and (sentence := fields[key].rule(value))
    ]
    return missing + wrong


def completed(table: Mapping[str, object], fields: Mapping[str, Field]) -> dict[str, object]:
    """A table with defaults for the fields that it lacks."""
    return {key: field.default for key, field in fields.items() if field.default is not None} | dict(table)


PORT = number(1, 65535, "a port")
EGRESS = {"to": Field(text), "port": Field(PORT), "protocol": Field(one_of("TCP", "UDP"), "TCP")}
_LIMITS = {
    "memory": Field(number(16, 65536, "a number of MiB"), MEMORY_MIB),
    "pids": Field(number(10, 32768, "a number of processes and threads"), PIDS),
}
_ELSEWHERE = {
    "staging": Field(any_text, ""),  # its value in that environment
    "production": Field(any_text, ""),
    "compose": Field(any_text, ""),  # its value in the stand-alone stack
    "smoke": Field(any_text, ""),  # its value where the image runs without servers and without a network
}
ROWS = {
    "egress": EGRESS,
    "variables": {
        "name": Field(variable),
        "default": Field(any_text),
        "meaning": Field(text),
        **_ELSEWHERE,
    },
    "secrets": {
        "name": Field(variable),
        "meaning": Field(text),
        "default": Field(any_text, ""),  # its value in development
        **_ELSEWHERE,
    },
    "commands": {
        "name": Field(name),
        "summary": Field(text),
        "when": Field(one_of("before_release", "by_hand"), "by_hand"),
        **_LIMITS,
    },
    "example": {"file": Field(place), "holds": Field(text), "change": Field(text)},
    "failures": {"what": Field(text), "then": Field(text)},
    "runbooks": {"page": Field(place), "when": Field(text)},
    "data": {"what": Field(text), "where": Field(text), "backup": Field(text)},
    "targets": {"name": Field(name), "summary": Field(text), "run": Field(text)},
}
TABLES = {
    "servers": {"ports": Field(ports, [])},
    "processes": {
        "summary": Field(text),
        "management_port": Field(number(MANAGEMENT_PORT + 1, MANAGEMENT_PORT + 99, "a port")),
        "egress": Field(rows(EGRESS), []),
        **_LIMITS,
    },
}
TEXTS = {"yours": place, "ignored": place, "unmeasured": place}  # lists of these
