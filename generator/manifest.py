"""The manifest of a component: which fields it may have, and what is wrong with one.

`components/<name>/component.toml` carries what files need to know before Python runs:

* `summary`, `extra` (of the runtime), `dependencies` (distributions beside it), `egress` (where it connects to);
* `requires`, `uses`: other components that must be there, or are used when they are; a list in them means one of these;
* `variables` and `secrets` (environment), `servers` (of the stand-alone stack);
* `commands`, which end, and `processes`, which do not: `python -m <package> <name>` starts either;
* `failure`: what can happen to it, and what the service does then.
"""

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

Manifest = Mapping[str, Any]

# Each field, and what it is without a word about it.
FIELDS: dict[str, Any] = {
    "summary": "",
    "extra": "",
    "dependencies": [],
    "egress": [],
    "requires": [],
    "uses": [],
    "variables": [],
    "secrets": [],
    "servers": {},
    "commands": [],
    "processes": {},
    "failure": {},
}
ROWS = {
    "variables": ("name", "default", "meaning", "compose"),  # `compose`: its value in the stand-alone stack
    "secrets": ("name", "meaning"),
    "commands": ("name", "summary", "when"),
}
TABLES = {
    "servers": ("image", "command", "ports", "environment", "volumes", "tmpfs", "user", "healthcheck", "memory"),
    "processes": ("summary", "management_port", "memory", "pids", "egress"),
}
FAILURE = ("what", "then")

# Answers, and what the files of the whole fleet are called in the places where a component's are.
NOT_A_COMPONENT = frozenset(
    {"alerts", "all", "error_ratio", "fleet", "none", "platform", "runtime", "service", "slo", "telemetry"}
)


def faults(name: str, manifest: Manifest, components: Iterable[str]) -> Iterator[str]:
    """Say what is wrong with one manifest, one sentence for each fault."""
    where = f"components/{name}/component.toml"
    if not re.fullmatch("[a-z]+(_[a-z0-9]+)*", name) or name in NOT_A_COMPONENT:
        yield f"{where}: a component cannot be called {name!r}; choose a name in snake_case that nothing else has."
    if not manifest.get("summary"):
        yield f"{where}: summary is missing; say in half a sentence what the component is."
    for field, value in manifest.items():
        yield from (f"{where}: {sentence}" for sentence in _of_a_field(field, value))
    for other in others(manifest):
        if other not in components:
            yield f"{where}: requires or uses {other!r}, which is no component{_near(other, components)}"


def _of_a_field(field: str, value: Any) -> Iterator[str]:  # noqa: ANN401 - as TOML gives it
    if field not in FIELDS:
        yield f"{field} is no field of a manifest{_near(field, FIELDS)}"
    elif type(value) is not type(FIELDS[field]):
        yield f"{field} must be a {_shape(FIELDS[field])}."
    elif field in ROWS:
        for row in value:
            yield from _of_a_row(field, row)
    elif field in TABLES:
        for name, table in value.items():
            yield from _of_a_table(f"{field}.{name}", table, TABLES[field])
    elif field == "failure":
        yield from _of_a_table(field, value, FAILURE)


def _of_a_row(field: str, row: Any) -> Iterator[str]:  # noqa: ANN401 - as TOML gives it
    if not isinstance(row, dict) or "name" not in row:
        yield f"a row of {field} has no name."
    else:
        yield from _of_a_table(f"{field} {row['name']!r}", row, ROWS[field])


def _of_a_table(what: str, table: Any, fields: Iterable[str]) -> Iterator[str]:  # noqa: ANN401 - as TOML gives it
    if not isinstance(table, dict):
        yield f"{what} must be a table."
        return
    for field in table:
        if field not in fields:
            yield f"{what}: {field} is no field{_near(field, fields)}"


def clashes(manifests: Mapping[str, Manifest]) -> Iterator[str]:
    """Say which two components claim the same name, variable, port or server."""
    owners: dict[tuple[str, str], str] = {}
    for component, manifest in manifests.items():
        for claim in sorted(set(_claims(manifest))):
            if claim in owners:
                yield f"components {owners[claim]!r} and {component!r} both claim the {claim[0]} {claim[1]}."
            owners[claim] = component


def _claims(manifest: Manifest) -> Iterator[tuple[str, str]]:
    for row in [*manifest["variables"], *manifest["secrets"]]:
        yield "variable", row["name"]
    for row in manifest["commands"]:  # `python -m <package> <name>` starts either
        yield "process or command", row["name"]
    for name, process in manifest["processes"].items():
        yield "process or command", name
        yield "port", str(process.get("management_port"))
    for name, server in manifest["servers"].items():
        yield "server", name
        yield from (("port", str(port)) for port in server.get("ports", []))


def others(manifest: Manifest) -> Iterator[str]:
    """List every component that this one requires or uses, the members of groups included."""
    lists = [named for field in ("requires", "uses") if isinstance(named := manifest.get(field), list)]
    for entry in [entry for named in lists for entry in named]:
        yield from [entry] if isinstance(entry, str) else entry


def _near(word: str, words: Iterable[str]) -> str:
    near = difflib.get_close_matches(word, list(words), n=1)
    return f"; did you mean {near[0]}?" if near else "."


def _shape(example: object) -> str:
    shapes: dict[type, str] = {str: "string", list: "list", dict: "table"}
    return shapes[type(example)]
