"""Check `environment`: .env.example and README.md name exactly the variables that the service reads."""

import json
import re
from collections.abc import Iterator
from typing import Any

from . import start, variables
from .finding import Finding, each
from .project import Project

EXAMPLE = ".env.example"
README = "README.md"
NAMED = {EXAMPLE: r"^#?([A-Z_][A-Z0-9_]*)=", README: r"^\| (`[A-Z0-9_`, ]+`) \|"}


def findings(project: Project) -> Iterator[Finding]:
    """Variables that the service does not read, undocumented variables, and wrong defaults."""
    yield from each(project, (_unknown, _undocumented, _defaults))


def _documented(project: Project, file: str) -> set[str]:
    found = re.findall(NAMED[file], project.text(file), re.MULTILINE) if project.has(file) else []
    return {variable for match in found for variable in re.findall(r"[A-Z][A-Z0-9_]{2,}", match)}


def _unknown(project: Project) -> Iterator[Finding]:
    known = variables.known(project)
    for file in NAMED:
        for variable in sorted(_documented(project, file) - known):
            if not variables.READ_BY_THE_SDK.fullmatch(variable):
                yield Finding(file, f"names {variable}, which the service does not read: remove it or add the setting.")


def _undocumented(project: Project) -> Iterator[Finding]:
    """Variables that .env.example lacks. Those of OpenTelemetry are left out: its specification documents them."""
    missing = variables.known(project) - _documented(project, EXAMPLE) if project.has(EXAMPLE) else ()
    lacking = sorted(variable for variable in missing if not variables.READ_BY_THE_SDK.fullmatch(variable))
    defaults = _by_variable(start.read(project, [{}])[0]) if lacking else {}
    for variable in lacking:
        default = defaults.get(variable)
        text = json.dumps(default) if isinstance(default, bool | int | float) else default
        line = f"{variable}={text}" if isinstance(text, str) else f"#{variable}="
        yield Finding(EXAMPLE, f"lacks {variable}, which the service reads: add the line {line}")


def _by_variable(started: start.Start) -> dict[str, Any]:
    """The settings by variable. Those of a component have its name as prefix."""
    return {
        (name if kind == "service" else f"{kind}_{name}").upper(): value
        for kind, values in started.values.items()
        for name, value in values.items()
    }


def _defaults(project: Project) -> Iterator[Finding]:
    """Values in .env.example that differ from the defaults: a copy of the file must change nothing."""
    text = project.text(EXAMPLE) if project.has(EXAMPLE) else ""
    given = dict(re.findall(r"^([A-Z_][A-Z0-9_]*)=(.*)$", text, re.MULTILINE))
    before, after = start.read(project, [{}, given])
    if before.error:
        yield Finding(
            project.settings_file,
            f"every setting needs a default, so that the service starts without variables: {before.error}.",
        )
        return
    if after.error:
        yield Finding(EXAMPLE, f"the service does not start with it: {after.error}.")
    for kind, values in after.values.items():
        for name, value in values.items():
            default = before.values[kind][name]
            if value != default:
                variable = next((each for each in given if each.lower().endswith(name)), name.upper())
                yield Finding(EXAMPLE, f"sets {variable} to {value!r}, and the default is {default!r}.")
