"""Check `source`: imports, names, sizes and state of the modules in src.

The limits on modules and functions are defaults. A team can change them in pyproject.toml, for example with
`[tool.firstlight] module-lines = 200`.
"""

import ast
from collections.abc import Iterator, Mapping

from . import state, syntax
from .finding import Finding, each
from .project import Project
from .syntax import Module

BANNED_NAMES = frozenset({"utils", "helpers", "core", "common", "manager"})
LIMITS = {"module-lines": 150, "function-lines": 30}
Function = ast.FunctionDef | ast.AsyncFunctionDef


def findings(project: Project) -> Iterator[Finding]:
    """Circles of imports, bad names, large modules and functions, and state in modules."""
    yield from each(project, (_circles, _settings, _own_name, _names, _sizes, _state))


def _imports(modules: list[Module]) -> Mapping[str, set[str]]:
    """The modules of the service that each module imports, by name."""
    names = {module.name for module in modules}
    graph: dict[str, set[str]] = {}
    for module in modules:
        whole = ((base, f"{base}.{name}".lstrip(".")) for base, name, _ in module.imported())
        graph[module.name] = {full if full in names else base for base, full in whole} - {module.name}
    return graph


def _circles(project: Project) -> Iterator[Finding]:
    modules = syntax.modules(project)
    files = {module.name: module.file for module in modules}
    graph = _imports(modules)
    reported: set[str] = set()
    for name in sorted(graph):
        circle = _circle(graph, name)
        if circle and not reported & set(circle):
            reported |= set(circle)
            path = " -> ".join(each or project.package for each in [*circle, name])
            yield Finding(
                files[name], f"is in a circle of imports: {path}. Move what both need to a module of its own."
            )


def _circle(graph: Mapping[str, set[str]], start: str) -> list[str]:
    """The shortest path from a module back to itself, or nothing."""
    ways = [[start]]
    seen: set[str] = set()
    for way in ways:  # breadth first: the loop appends to it
        for name in sorted(graph.get(way[-1], ())):
            if name == start:
                return way
            if name not in seen:
                seen.add(name)
                ways.append([*way, name])
    return []


def _settings(project: Project) -> Iterator[Finding]:
    """The settings import no other module of the service, because they are read first."""
    for name, imported in _imports(syntax.modules(project)).items():
        if name == "settings" and imported:
            file = project.settings_file
            yield Finding(
                file, f"must import nothing of the service: remove the import of {', '.join(sorted(imported))}."
            )


def _own_name(project: Project) -> Iterator[Finding]:
    """Imports of the service's own modules are relative, so that the package can be renamed."""
    for module in syntax.modules(project):
        for node in ast.walk(module.tree):
            named = [node.module or ""] if isinstance(node, ast.ImportFrom) and not node.level else []
            named += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if any(name.split(".")[0] == project.package for name in named):
                line = getattr(node, "lineno", 1)
                yield Finding(module.file, f"line {line} imports {project.package} by name: make it a relative import.")


def _names(project: Project) -> Iterator[Finding]:
    for module in syntax.modules(project):
        for name in BANNED_NAMES & {part.strip("_") for part in module.name.split(".")}:
            yield Finding(module.file, f"is called {name}, which says nothing: name it after what it holds.")


def _sizes(project: Project) -> Iterator[Finding]:
    own = project.pyproject.get("tool", {}).get("firstlight", {})
    limits = {name: own.get(name, limit) for name, limit in LIMITS.items()}
    for module in syntax.modules(project):
        lines, most = lines_of_code(module.tree), limits["module-lines"]
        if lines > most:
            yield Finding(module.file, f"has {lines} lines of code, and may have {most}: make two modules of it.")
        for node in ast.walk(module.tree):
            lines, most = lines_of_code(node) if isinstance(node, Function) else 0, limits["function-lines"]
            if isinstance(node, Function) and lines > most:
                yield Finding(module.file, f"{node.name} has {lines} lines of code, and may have {most}: split it.")


def lines_of_code(node: ast.AST) -> int:
    """The number of lines without blank lines, comments and docstrings."""
    lines: set[int] = set()
    for child in ast.walk(node):
        documentation = isinstance(child, ast.Expr) and isinstance(child.value, ast.Constant)
        if isinstance(child, ast.stmt) and not documentation:
            body = getattr(child, "body", None)
            last = body[0].lineno - 1 if isinstance(body, list) else child.end_lineno or child.lineno
            lines.update(range(child.lineno, max(child.lineno, last) + 1))
    return len(lines)


def _state(project: Project) -> Iterator[Finding]:
    modules = syntax.modules(project)
    for module, line, held in state.held(modules):
        yield Finding(module.file, f"line {line}: {held}; keep it in an object that a component opens.")
