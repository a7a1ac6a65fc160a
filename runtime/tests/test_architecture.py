"""The house rules: who may import whom, how long things get, and where state lives."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import firstlight

PACKAGE = Path(firstlight.__file__).parent
MODULES = {
    ".".join(file.relative_to(PACKAGE).with_suffix("").parts).removesuffix(".__init__"): file
    for file in sorted(PACKAGE.rglob("*.py"))
}
TREES = {name: ast.parse(file.read_text()) for name, file in MODULES.items()}

MAX_MODULE_LINES = 120
MAX_FUNCTION_LINES = 30
BANNED_NAMES = {"utils", "helpers", "core", "common", "manager"}

FOUNDATION = {"body_limit", "errors", "observability", "settings", "slo"}
# Who may import what of the service's own, by the first part of the name. A module not named here may use FOUNDATION.
MAY_IMPORT = {
    "__init__": set(),
    "settings": set(),
    "observability": {"observability", "settings"},
    "errors": {"observability"},
    "slo": {"observability", "settings"},
    "management": {"management", "observability", "settings"},
    "api": {"api", "errors", "slo", "observability", "settings"},
    "components": {"components", "errors", "management", "observability", "settings", "slo"},
    "lifespan": {"components", "errors", "management", "observability", "settings"},
    "app": {"api", "components", "lifespan", "management", *FOUNDATION},
    "server": {"app", "lifespan", "observability", "settings"},
    "__main__": {"server", "settings"},
}
# Standard output belongs to the process, and so does the queue in front of it.
STATE_OF_THE_PROCESS = {("observability.sink", "stdout")}
MUTATORS = {"append", "add", "update", "extend", "insert", "pop", "popitem", "remove", "clear", "setdefault", "discard"}
EMPTY = {"dict", "list", "set", "deque", "defaultdict", "OrderedDict", "bytearray", "count", "cycle"}

Function = ast.FunctionDef | ast.AsyncFunctionDef


def _imports(name: str) -> Iterator[str]:
    """The service's own modules that this one imports."""
    package = name.split(".") if MODULES[name].name == "__init__.py" and name != "__init__" else name.split(".")[:-1]
    for node in ast.walk(TREES[name]):
        if isinstance(node, ast.ImportFrom) and node.level:
            base = [*package[: len(package) + 1 - node.level], *(node.module or "").split(".")]
            prefix = ".".join(part for part in base if part)
            for alias in node.names:
                whole = f"{prefix}.{alias.name}".lstrip(".")
                yield whole if whole in MODULES else prefix


def test_imports_point_downwards() -> None:
    """The composition root knows everybody; the settings know nobody."""
    upwards = [
        f"{name} imports {imported}"
        for name in MODULES
        for imported in _imports(name)
        if imported.split(".")[0] not in MAY_IMPORT.get(name.split(".")[0], FOUNDATION)
    ]

    assert upwards == []


def test_the_rules_see_imports() -> None:
    """A rule that finds nothing proves nothing: these imports are known to be there."""
    assert {"api", "components", "lifespan", "settings"} <= set(_imports("app"))
    assert "observability.metrics" in set(_imports("management.health"))
    assert "observability.redaction" in set(_imports("observability.logging"))


def test_components_never_import_each_other() -> None:
    """So that one can be taken away without a look at the others."""
    components = [name for name in MODULES if name.startswith("components.")]
    crossing = [
        f"{name} imports {imported}"
        for name in components
        for imported in _imports(name)
        if imported in MODULES and imported.startswith("components") and imported != "components._component"
    ]

    assert crossing == []


def test_the_service_does_not_call_itself_by_name() -> None:
    """Relative imports keep the package's name out of its modules."""
    named = firstlight.__name__
    for name, tree in TREES.items():
        for node in ast.walk(tree):
            imported = [node.module or ""] if isinstance(node, ast.ImportFrom) and not node.level else []
            imported += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            assert all(module.split(".")[0] != named for module in imported), name


def test_no_room_is_called_after_nothing() -> None:
    """A name that fits everything finds nothing."""
    assert [name for name in MODULES if BANNED_NAMES & set(name.strip("_").split("."))] == []


def _lines_of_code(node: ast.AST) -> int:
    """Lines that say something: neither blank, nor comment, nor documentation."""
    lines: set[int] = set()
    for child in ast.walk(node):
        documentation = isinstance(child, ast.Expr) and isinstance(child.value, ast.Constant)
        if isinstance(child, ast.stmt) and not documentation:
            first_of_body = getattr(child, "body", None)
            last = first_of_body[0].lineno - 1 if isinstance(first_of_body, list) else child.end_lineno or child.lineno
            lines.update(range(child.lineno, max(child.lineno, last) + 1))
    return len(lines)


@pytest.mark.parametrize("name", MODULES)
def test_a_module_can_be_read_at_once(name: str) -> None:
    """At most 120 lines of code."""
    assert _lines_of_code(TREES[name]) <= MAX_MODULE_LINES


def test_a_function_can_be_seen_at_once() -> None:
    """At most 30 lines, its documentation aside."""
    long = [
        f"{name}.{node.name}: {_lines_of_code(node)} lines"
        for name, tree in TREES.items()
        for node in ast.walk(tree)
        if isinstance(node, Function) and _lines_of_code(node) > MAX_FUNCTION_LINES
    ]

    assert long == []


def _called(value: ast.expr | None) -> str:
    if not isinstance(value, ast.Call):
        return ""
    return value.func.attr if isinstance(value.func, ast.Attribute) else ast.unparse(value.func)


def _is_state(value: ast.expr | None, stateful: set[str]) -> bool:
    match value:
        case ast.List(elts=[]) | ast.Set(elts=[]) | ast.Dict(keys=[]):
            return True
        case _:
            return _called(value) in EMPTY | stateful


def _assigned(tree: ast.Module) -> Iterator[tuple[str, ast.expr | None]]:
    for node in tree.body:
        match node:
            case ast.Assign(targets=targets, value=value):
                yield from ((target.id, value) for target in targets if isinstance(target, ast.Name))
            case ast.AnnAssign(target=ast.Name(id=variable), value=value):
                yield variable, value


def test_no_module_holds_state() -> None:
    """Besides metrics, context variables and loggers: what an application needs lives in the application."""
    classes = [node for tree in TREES.values() for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    stateful = {
        cls.name for cls in classes if any(isinstance(n, ast.FunctionDef) and n.name == "__init__" for n in cls.body)
    }
    holding = {
        (name, variable)
        for name, tree in TREES.items()
        for variable, value in _assigned(tree)
        if _is_state(value, stateful)
    }

    assert holding - STATE_OF_THE_PROCESS == set()


def test_no_function_changes_its_module() -> None:
    """Tables at the top of a module are constants."""
    changes = [
        f"{name}: {ast.unparse(node)}"
        for name, tree in TREES.items()
        for function in ast.walk(tree)
        if isinstance(function, Function)
        for node in ast.walk(function)
        if _changes(node, {variable for variable, _ in _assigned(tree)})
    ]

    assert changes == []


def _changes(node: ast.AST, table: set[str]) -> bool:
    match node:
        case ast.Global():
            return True
        case ast.Call(func=ast.Attribute(value=ast.Name(id=variable), attr=method)):
            return variable in table and method in MUTATORS
        case ast.Subscript(value=ast.Name(id=variable), ctx=ast.Store() | ast.Del()):
            return variable in table
        case _:
            return False
