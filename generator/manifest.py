"""The manifest of a component: its fields, and how it is checked.

`components/<name>/component.toml` has the facts about a component that emitted files need. Every field is read:

| field | is | read by |
|---|---|---|
| `summary` | what the component is | README |
| `extra` | the runtime's extra | pyproject.toml |
| `requires`, `uses` | other components; a list in them means one of these | the order of components |
| `variables`, `secrets` | environment; values for the stack and the smoke test | README, .env, compose, smoke.sh |
| `servers` | servers in the stand-alone stack, with their ports | compose: the service starts after them |
| `egress` | the connections of its processes and commands | the network policy |
| `commands` | `python -m <package> <name>`, which ends | compose, Kubernetes, hosts: those `before_release` |
| `processes` | `python -m <package> <name>`, which keeps running | the same; `egress` of one process, in addition |
| `failures` | failures of it, and what the service does then | README |
| `runbooks` | pages that it adds to `docs/runbooks/`, and when to read them | docs/runbooks/README.md |
| `data` | data that it keeps, where they are, and their backup | docs/runbooks/backup.md |
| `targets` | targets of make that run a command with the variables of `.env` | Makefile |
| `before_run` | a command, with its arguments, that `make run` calls first | Makefile, README |
| `yours` | files in `src/<package>/` that belong to the team | `skip` in pyproject.toml, README |
| `unmeasured` | files in `src/<package>/` that are not imported by name | coverage in pyproject.toml |
| `ignored` | files that it writes in the working directory | .gitignore |
| `example` | files that it adds to the example resource | README |
| `replaces` | modules of the runtime, with those of the component in their place | `service.py` |
| `features` | components of the example that it adds beside another component, by that one's name | `service.py` |
| `after_copy` | a command that completes a copy of that resource | README |
| `removing` | what else goes when that resource is removed | README |
| `adding` | what else to do when the component is added to a service that exists | README |

`memory` (MiB) and `pids` of commands and processes are their limits wherever the target can set them.
"""

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from .fields import KEYED, ROWS, TABLES, TEXTS, completed, faults_of
from .rules import name

Manifest = Mapping[str, Any]

FIELDS: dict[str, Any] = {  # each with its default
    "summary": "",
    "extra": "",
    "egress": [],
    "requires": [],
    "uses": [],
    "variables": [],
    "secrets": [],
    "servers": {},
    "commands": [],
    "processes": {},
    "failures": [],
    "runbooks": [],
    "data": [],
    "targets": [],
    "yours": [],
    "unmeasured": [],
    "ignored": [],
    "example": [],
    "replaces": {},
    "features": {},
    "after_copy": "",
    "before_run": "",
    "removing": "",
    "adding": "",
}

# Answers, and names of the fleet's files in folders where components have files of their own name.
NOT_A_COMPONENT = frozenset(
    {"alerts", "all", "error_ratio", "fleet", "none", "platform", "runtime", "service", "slo", "telemetry"}
)


def faults(component: str, manifest: Manifest, components: Iterable[str]) -> Iterator[str]:
    """The faults of one manifest, one sentence each."""
    where = f"components/{component}/component.toml"
    if not re.fullmatch("[a-z]+(_[a-z0-9]+)*", component) or component in NOT_A_COMPONENT:
        yield f"{where}: a component cannot be called {component!r}; choose a name in snake_case that nothing else has."
    if not manifest.get("summary"):
        yield f"{where}: summary is missing; say in half a sentence what the component is."
    for field, value in manifest.items():
        yield from (f"{where}: {sentence}" for sentence in _of_a_field(field, value))
    for other in others(manifest):
        if other not in components:
            yield f"{where}: requires or uses {other!r}, which is no component{_near(other, components)}"


def _of_a_field(field: str, value: Any) -> Iterator[str]:  # noqa: ANN401 - from TOML
    if field not in FIELDS:
        yield f"{field} is no field of a manifest{_near(field, FIELDS)}"
    elif type(value) is not type(FIELDS[field]):
        yield f"{field} must be a {_shape(FIELDS[field])}."
    elif field in ROWS:
        for row in value:
            yield from _of_a_row(field, row)
    elif field in TABLES:
        for key, table in value.items():
            if field == "processes" and (wrong := name(key)):
                yield f"processes: the name {key!r} {wrong}."
            yield from _of_a_table(f"{field}.{key}", table, TABLES[field])
    elif field in KEYED:
        yield from (f"{field}: {key!r} {wrong}." for key, each in value.items() if (wrong := KEYED[field](each)))
    elif field in TEXTS:
        yield from (f"{field}: {each!r} {wrong}." for each in value if (wrong := TEXTS[field](each)))


def _of_a_row(field: str, row: Any) -> Iterator[str]:  # noqa: ANN401 - from TOML
    key = next(iter(ROWS[field]))
    if not isinstance(row, dict) or key not in row:
        yield f"a row of {field} has no {key}."
    else:
        yield from _of_a_table(f"{field} {row[key]!r}", row, ROWS[field])


def _of_a_table(what: str, table: Any, fields: Mapping[str, Any]) -> Iterator[str]:  # noqa: ANN401 - from TOML
    if not isinstance(table, dict):
        yield f"{what} must be a table."
        return
    unknown = [f"{field} is no field{_near(field, fields)}" for field in table if field not in fields]
    yield from (f"{what}: {sentence}" for sentence in unknown or (f"{wrong}." for wrong in faults_of(table, fields)))


def complete(manifest: Manifest) -> Manifest:
    """Add a default for every field that a manifest lacks."""
    whole = {**FIELDS, **manifest}
    for field, fields in ROWS.items():
        whole[field] = [completed(row, fields) for row in whole[field]]
    for field, fields in TABLES.items():
        whole[field] = {key: completed(table, fields) for key, table in whole[field].items()}
    for process in whole["processes"].values():
        process["egress"] = [completed(row, ROWS["egress"]) for row in process["egress"]]
    return whole


def others(manifest: Manifest) -> Iterator[str]:
    """The components that this one requires or uses, with all alternatives."""
    lists = [named for field in ("requires", "uses") if isinstance(named := manifest.get(field), list)]
    for entry in [entry for named in lists for entry in named]:
        yield from [entry] if isinstance(entry, str) else entry


def _near(word: str, words: Iterable[str]) -> str:
    return f"; did you mean {near[0]}?" if (near := difflib.get_close_matches(word, list(words), n=1)) else "."


def _shape(example: object) -> str:
    shapes: dict[type, str] = {str: "string", list: "list", dict: "table"}
    return shapes[type(example)]
