"""Check `page`: service.toml lists the components that the team's page, service.py, passes to `Service`."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from . import start, syntax
from .finding import Finding, FindingError, each
from .project import Project
from .syntax import Module

LIBRARY = "firstlight.components"


@dataclass(frozen=True, slots=True)
class Imported:
    """A component of the runtime that the page imports."""

    component: str
    name: str  # the name in the page
    line: int


def findings(project: Project) -> Iterator[Finding]:
    """Components that one of the two files lacks, with the line to add."""
    found = list(each(project, (_components,)))
    yield from found or each(project, (_arranged,))


def names(project: Project, component: str) -> bool:
    """Whether the page passes the component to `Service`. Raises `FindingError`."""
    page = syntax.module(project, project.page_file)
    listed = _listed(page)
    return any(found.component == component and found.name in listed for found in _imports(page))


def _arranged(project: Project) -> Iterator[Finding]:
    """The page can be imported, and its components fit together."""
    sentence = start.page(project).refusal
    if sentence:
        yield Finding(project.page_file, f"the service does not start: {sentence}.")


def _components(project: Project) -> Iterator[Finding]:
    file = project.page_file
    page = syntax.module(project, file)
    listed = _listed(page)
    imports = list(_imports(page))
    used = {found.component for found in imports if found.name in listed}
    imported = {found.component: found for found in imports if found.name in listed or found.component not in used}
    for component in project.components:
        if component not in used:
            yield Finding(file, _missing(component, imported.get(component)))
    for component in sorted(used - set(project.components)):
        sentence = (
            f'add "{component}" to components: {file} uses {imported[component].name}. '
            "Its settings, server and dashboards come with the next `make update`."
        )
        yield Finding(project.answers_file, sentence)
    for component in sorted(imported.keys() - used - set(project.components)):
        unused = imported[component]
        yield Finding(
            file,
            f"line {unused.line} imports {unused.name}, which components=[...] lacks: add it or remove the import.",
        )


def _missing(component: str, imported: Imported | None) -> str:
    """The sentence that says what to add. It includes the import if that is missing too."""
    constant = component.upper()
    if imported is not None:
        return f"add {imported.name} to components=[...]: service.toml lists {component}."
    line = f"from {LIBRARY}.{component} import {constant}"
    return f"add {constant} to components=[...] and import it: `{line}`; service.toml lists {component}."


def _imports(page: Module) -> Iterator[Imported]:
    """Each `from firstlight.components.<component> import <COMPONENT>`, or `<component>`, a function that makes it."""
    for node in ast.walk(page.tree):
        if not isinstance(node, ast.ImportFrom) or node.level:
            continue
        library, _, component = (node.module or "").rpartition(".")
        for alias in node.names:
            if library == LIBRARY and alias.name in {component.upper(), component}:
                yield Imported(component, alias.asname or alias.name, node.lineno)
            elif node.module == LIBRARY and alias.name.isupper():
                yield Imported(alias.name.lower(), alias.asname or alias.name, node.lineno)


def _listed(page: Module) -> set[str]:
    """The names in `components=(...)`. Constants of the page are resolved."""
    calls = [node for node in ast.walk(page.tree) if isinstance(node, ast.Call)]
    services = [
        call for call in calls if page.origin(call.func) in {"firstlight.Service", "firstlight.service.Service"}
    ]
    if len(services) != 1:
        raise FindingError(page.file, "must hold one call of firstlight.Service(...), with components=(...).")
    value = next((keyword.value for keyword in services[0].keywords if keyword.arg == "components"), None)
    constants = dict(syntax.assigned(page.tree))
    return set(_names(value, constants, depth=0))


def _names(value: ast.expr | None, constants: dict[str, ast.expr], *, depth: int) -> Iterator[str]:
    match value:
        case ast.Tuple(elts=entries) | ast.List(elts=entries):
            for entry in entries:
                yield from _names(entry, constants, depth=depth)
        case ast.Starred(value=inner):
            yield from _names(inner, constants, depth=depth)
        case ast.BinOp(left=left, right=right):
            yield from _names(left, constants, depth=depth)
            yield from _names(right, constants, depth=depth)
        case ast.Call(func=ast.Name(id=name)):
            yield name
        case ast.Name(id=name):
            yield name
            if name in constants and depth < len(constants):
                yield from _names(constants[name], constants, depth=depth + 1)
