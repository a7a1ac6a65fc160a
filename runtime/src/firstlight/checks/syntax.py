"""The modules of the service as syntax trees. They are parsed, not imported."""

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from .finding import FindingError
from .project import Project


@dataclass(frozen=True, slots=True)
class Module:
    """One module: its file, its name relative to the package (empty for the package itself), and its syntax tree."""

    file: str
    name: str
    tree: ast.Module
    origins: Mapping[str, str]  # the full names of imported names, such as `Counter`: `prometheus_client.Counter`

    @property
    def is_package(self) -> bool:
        """Whether the file is an `__init__.py`."""
        return self.file.endswith("/__init__.py")

    def origin(self, expression: ast.expr) -> str:
        """The full name of an imported name or attribute, or the expression itself."""
        first, dot, rest = ast.unparse(expression).partition(".")
        return f"{self.origins.get(first, first)}{dot}{rest}"

    def imported(self) -> Iterator[tuple[str, str, str]]:
        """Every relative import: the module, the imported name, and its name in this module."""
        parts = self.name.split(".") if self.name else []
        package = parts if self.is_package else parts[:-1]
        for node in ast.walk(self.tree):
            if isinstance(node, ast.ImportFrom) and node.level:
                base = [*package[: len(package) + 1 - node.level], *filter(None, (node.module or "").split("."))]
                yield from ((".".join(base), alias.name, alias.asname or alias.name) for alias in node.names)

    def strings(self) -> set[str]:
        """Every string literal."""
        nodes = ast.walk(self.tree)
        return {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}


def modules(project: Project) -> list[Module]:
    """Every module of the service."""
    return [module(project, file) for file in project.glob(f"{project.source}/**/*.py")]


def module(project: Project, file: str) -> Module:
    """One module. Raises `FindingError` if it is not Python."""
    try:
        tree = ast.parse(project.text(file))
    except (SyntaxError, ValueError) as error:
        line = getattr(error, "lineno", None) or 1
        raise FindingError(file, f"line {line} is not Python: {getattr(error, 'msg', error)}.") from None
    path = PurePosixPath(file).relative_to(project.source).with_suffix("")
    name = ".".join(path.parts).removesuffix("__init__").removesuffix(".")
    return Module(file, name, tree, dict(_origins(tree)))


def _origins(tree: ast.Module) -> Iterator[tuple[str, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield (alias.asname, alias.name) if alias.asname else (alias.name.split(".")[0],) * 2
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield from ((alias.asname or alias.name, f"{node.module}.{alias.name}") for alias in node.names)


def assigned(tree: ast.AST) -> Iterator[tuple[str, ast.expr]]:
    """Every assignment: the source of the target, such as `log` or `self.log`, and the value."""
    for node in ast.walk(tree):
        match node:
            case ast.Assign(targets=targets, value=value):
                yield from ((ast.unparse(target), value) for target in targets)
            case ast.AnnAssign(target=target, value=ast.expr() as value) | ast.NamedExpr(target=target, value=value):
                yield ast.unparse(target), value


def literals(module: Module) -> Mapping[str, str]:
    """The names to which a module assigns a string literal, with their values."""
    return {
        name: value.value
        for name, value in assigned(module.tree)
        if isinstance(value, ast.Constant) and isinstance(value.value, str)
    }
