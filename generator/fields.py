"""The rules for the fields of a manifest."""

from collections.abc import Mapping
from dataclasses import dataclass

from .contract import MANAGEMENT_PORT
from .rules import PORT, Rule, any_text, features, module, name, number, one_of, place, ports, text, variable

# The limits of web, and the defaults for processes and commands.
MEMORY_MIB, PIDS = 192, 100


@dataclass(frozen=True, slots=True)
class Field:
    """One field: its rule and its default. A field without a default is required."""

    rule: Rule
    default: object = None


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
KEYED = {"replaces": module, "features": features}  # tables of these
TEXTS = {"yours": place, "ignored": place, "unmeasured": place}  # lists of these
