"""The structure of the library: imports, sizes, state, constants, and the public surface."""

import ast
import inspect
from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module, metadata
from pathlib import Path

import pytest

import firstlight

PACKAGE = Path(firstlight.__file__).parent
ROOT = "firstlight"
MODULES = {
    ".".join((ROOT, *file.relative_to(PACKAGE).with_suffix("").parts)).removesuffix(".__init__"): file
    for file in sorted(PACKAGE.rglob("*.py"))
}
TREES = {name: ast.parse(file.read_text("utf-8")) for name, file in MODULES.items()}

MAX_MODULE_LINES = 150
MIN_MODULE_LINES = 10  # a shorter one is part of another subject
MAX_FUNCTION_LINES = 30
BANNED_NAMES = {"utils", "helpers", "core", "common", "manager"}
# What modules share that must not import each other.
SMALL = {f"{ROOT}.compact", f"{ROOT}.errors", f"{ROOT}.exit_status", f"{ROOT}.metrics.pauses"}

PUBLIC = [
    "REGISTRY",
    "Action",
    "Answer",
    "Application",
    "ArrangementError",
    "Background",
    "Check",
    "Command",
    "Component",
    "Identity",
    "JsonResponse",
    "Latency",
    "Layer",
    "Lifecycle",
    "MergePatch",
    "NoSettings",
    "Objective",
    "Operation",
    "Process",
    "Redaction",
    "RequestContext",
    "Section",
    "Service",
    "Settings",
    "SettingsError",
    "Surroundings",
    "UsageError",
    "__version__",
    "caller",
    "create_app",
    "current_request",
    "main",
    "nothing",
    "problems",
    "slo",
]

# Standard output belongs to the process, and so do the queue in front of it and the limits of what is logged.
STATE_OF_THE_PROCESS = {
    (f"{ROOT}.logs.sink", "stdout"),
    (f"{ROOT}.slo", "_declared"),
    (f"{ROOT}.security.events", "security_events"),
}
METRICS = ("Collector", "Family[")  # the bases of metrics of our own
MUTATORS = {"append", "add", "update", "extend", "insert", "pop", "popitem", "remove", "clear", "setdefault", "discard"}
EMPTY = {"dict", "list", "set", "deque", "defaultdict", "OrderedDict", "bytearray", "count", "cycle"}

HAS_NO_HOME = {"TYPE_CHECKING"}  # modules define it because an import of `typing` takes too long
# Errors that a docstring need not name: pydantic turns a `ValueError` into a sentence; nobody handles the others.
NOT_NAMED = {"ValueError", "NotImplementedError", "KeyboardInterrupt"}

Function = ast.FunctionDef | ast.AsyncFunctionDef
Imports = Mapping[str, set[str]]


def _imports(name: str) -> Iterator[str]:
    """The modules of the library that this one imports: at the top, in functions, and for the type checker."""
    package = name.split(".") if MODULES[name].name == "__init__.py" else name.split(".")[:-1]
    for node in ast.walk(TREES[name]):
        if isinstance(node, ast.ImportFrom) and node.level:
            base = package[: len(package) + 1 - node.level]
            prefix = ".".join([*base, *(node.module or "").split(".")]).rstrip(".")
            for alias in node.names:
                whole = f"{prefix}.{alias.name}"
                yield whole if whole in MODULES else prefix


# The package itself lists the public names for the type checker, and imports nothing before it is asked to.
IMPORTS: Imports = {name: set(_imports(name)) for name in MODULES if name != ROOT}


def _circle(imports: Imports) -> Sequence[str]:
    """Modules that import each other in a circle, or nothing."""
    done: set[str] = set()

    def visit(name: str, path: tuple[str, ...]) -> Sequence[str]:
        if name in path:
            return path[path.index(name) :]
        if name not in done:
            for imported in sorted(imports.get(name, ())):
                if circle := visit(imported, (*path, name)):
                    return circle
            done.add(name)
        return ()

    return next((circle for name in imports if (circle := visit(name, ()))), ())


def test_no_import_circle() -> None:
    """A module can be read without those that use it."""
    assert _circle(IMPORTS) == ()


def test_a_circle_is_found() -> None:
    """The check above fails when it should."""
    assert _circle({"a": {"b"}, "b": {"d", "c"}, "c": {"b"}, "d": set()}) == ("b", "c")
    assert _circle({"a": {"a"}}) == ("a",)
    assert _circle({"a": {"b", "c"}, "b": {"c"}, "c": set()}) == ()


def test_imports_are_seen() -> None:
    """Imports at the top, of a name, of a module, in a function, and for the type checker."""
    assert {f"{ROOT}.settings", f"{ROOT}.logs.sink", f"{ROOT}.arrangement"} <= IMPORTS[f"{ROOT}.app"]
    assert f"{ROOT}.metrics.instruments" in IMPORTS[f"{ROOT}.management.health"]
    assert {f"{ROOT}.service", f"{ROOT}.server.server"} <= IMPORTS[f"{ROOT}.command_line"]


# Imported by a function, and only where both components are chosen: a queue is in the database if there is one.
MEETING = {f"{ROOT}.components.cache.write_behind.{name}" for name in ("applying", "component", "database_queue")} | {
    f"{ROOT}.components.cache.write_behind.statements"
}


def test_components_never_import_each_other() -> None:
    """So that each can be installed without the distributions of the others."""
    components = [name for name in IMPORTS if name.startswith(f"{ROOT}.components.") and name not in MEETING]
    crossing = [
        f"{name} imports {imported}"
        for name in components
        for imported in IMPORTS[name]
        if imported.startswith(f"{ROOT}.components") and imported.split(".")[2:3] != name.split(".")[2:3]
    ]

    assert components
    assert crossing == []


def test_the_runtime_depends_on_no_component() -> None:
    """A service without a component does not need its distributions."""
    dependent = [
        f"{name} imports {imported}"
        for name in IMPORTS
        for imported in IMPORTS[name]
        if imported.startswith(f"{ROOT}.components") and not name.startswith(f"{ROOT}.components")
    ]

    assert dependent == []


def test_the_library_does_not_import_itself_by_name() -> None:
    """Imports are relative."""
    for name, tree in TREES.items():
        for node in ast.walk(tree):
            imported = [node.module or ""] if isinstance(node, ast.ImportFrom) and not node.level else []
            imported += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            assert all(module.split(".")[0] != ROOT for module in imported), name


def test_module_names_tell_their_subject() -> None:
    """Names such as `utils` say nothing about the content."""
    assert [name for name in MODULES if BANNED_NAMES & {part.strip("_") for part in name.split(".")}] == []


@pytest.mark.parametrize("name", MODULES)
def test_a_module_is_about_one_subject(name: str) -> None:
    """At most 150 lines of code, and at least 10 except for packages."""
    text = MODULES[name].read_text("utf-8").splitlines()

    assert _lines_of_code(TREES[name]) <= MAX_MODULE_LINES
    assert len(text) >= MIN_MODULE_LINES or name in SMALL or MODULES[name].name == "__init__.py"


def _lines_of_code(node: ast.AST) -> int:
    """The number of lines without blank lines, comments and docstrings."""
    lines: set[int] = set()
    for child in ast.walk(node):
        docstring = isinstance(child, ast.Expr) and isinstance(child.value, ast.Constant)
        if isinstance(child, ast.stmt) and not docstring:
            body = getattr(child, "body", None)
            last = body[0].lineno - 1 if isinstance(body, list) else child.end_lineno or child.lineno
            lines.update(range(child.lineno, max(child.lineno, last) + 1))
    return len(lines)


def test_a_function_fits_on_a_screen() -> None:
    """At most 30 lines without its docstring."""
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
    """Except for metrics, context variables and loggers. The application holds all other state."""
    classes = [node for tree in TREES.values() for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    stateful = {
        cls.name
        for cls in classes
        if any(isinstance(n, ast.FunctionDef) and n.name == "__init__" for n in cls.body)
        and not any(ast.unparse(base).startswith(METRICS) for base in cls.bases)
    }
    holding = {
        (name, variable)
        for name, tree in TREES.items()
        for variable, value in _assigned(tree)
        if _is_state(value, stateful)
    }

    assert holding == STATE_OF_THE_PROCESS


def _constants(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """The constants of a module without underscores in front, with their values."""
    for node in tree.body:
        match node:
            case ast.Assign(targets=[ast.Tuple(elts=names)], value=ast.Tuple(elts=values)):
                pairs: list[tuple[ast.expr, ast.expr]] = list(zip(names, values, strict=True))
            case ast.Assign(targets=[name], value=value) | ast.AnnAssign(target=name, value=ast.expr() as value):
                pairs = [(name, value)]
            case _:
                continue
        yield from ((name.id.lstrip("_"), ast.unparse(value)) for name, value in pairs if isinstance(name, ast.Name))


def test_no_constant_is_written_twice() -> None:
    """Constants with the same name and value in two modules must be one constant, which the other imports."""
    homes: dict[tuple[str, str], list[str]] = {}
    for name, tree in TREES.items():
        for constant, value in _constants(tree):
            if constant.isupper() and constant not in HAS_NO_HOME:
                homes.setdefault((constant, value), []).append(name)

    assert {constant: modules for constant, modules in homes.items() if len(modules) > 1} == {}


def test_no_function_changes_its_module() -> None:
    """Module-level tables are constants."""
    changes = [
        f"{name}: {ast.unparse(node)}"
        for name, tree in TREES.items()
        for function in ast.walk(tree)
        if isinstance(function, Function)
        for node in ast.walk(function)
        if _changes(node, {variable for variable, _ in _assigned(tree)})
    ]

    assert changes == []


def _changes(node: ast.AST, constants: set[str]) -> bool:
    match node:
        case ast.Global():
            return True
        case ast.Call(func=ast.Attribute(value=ast.Name(id=variable), attr=method)):
            return variable in constants and method in MUTATORS
        case ast.Subscript(value=ast.Name(id=variable), ctx=ast.Store() | ast.Del()):
            return variable in constants
        case _:
            return False


def test_the_public_names_are_exactly_these() -> None:
    """A new name must be supported from then on, and a removed name breaks services."""
    homes, modules = vars(firstlight)["_HOMES"], vars(firstlight)["_MODULES"]

    assert firstlight.__all__ == PUBLIC
    assert {*homes, *modules, "__version__"} == set(PUBLIC)


def test_the_type_checker_sees_what_is_imported() -> None:
    """Each name comes from the same module at run time and for the type checker."""
    declared = {
        alias.asname: f"{node.module}.{alias.name}" if node.module else alias.name
        for node in ast.walk(TREES[ROOT])
        if isinstance(node, ast.ImportFrom) and node.level
        for alias in node.names
    }
    homes = {name: f"{home}.{name}" for name, home in vars(firstlight)["_HOMES"].items()}

    assert declared == {**homes, **{name: name for name in vars(firstlight)["_MODULES"]}}


@pytest.mark.parametrize("name", sorted(set(PUBLIC) - {"__version__", "REGISTRY"}))
def test_a_public_name_is_documented(name: str) -> None:
    """It can be imported, and has a docstring, as its public methods do."""
    value = getattr(import_module(ROOT), name)

    assert (value.__doc__ or "").strip()
    if inspect.isclass(value):
        own = [method for key, method in vars(value).items() if inspect.isfunction(method) and not key.startswith("_")]
        assert [method.__qualname__ for method in own if not method.__doc__] == []


def _raised(node: ast.AST) -> Iterator[str]:
    """The errors that a function raises in its own statements. A name in lower case is a variable."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Raise) and child.exc is not None:
            error = child.exc.func if isinstance(child.exc, ast.Call) else child.exc
            if (name := ast.unparse(error).rpartition(".")[2])[0].isupper():
                yield name
        if not isinstance(child, Function | ast.Lambda | ast.ClassDef):
            yield from _raised(child)


def _undocumented(node: ast.AST, documented: str = "") -> Iterator[str]:
    """The errors that the docstring of a public function, its class or its module does not name."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.ClassDef):
            yield from _undocumented(child, documented + (ast.get_docstring(child) or ""))
        elif isinstance(child, Function) and (child.name == "__init__" or not child.name.startswith("_")):
            words = documented + (ast.get_docstring(child) or "")
            missing = {error for error in _raised(child) if f"`{error}`" not in words} - NOT_NAMED
            yield from (f"{child.name} raises {error}" for error in sorted(missing))


@pytest.mark.parametrize("name", MODULES)
def test_docstrings_name_the_errors_that_a_public_function_raises(name: str) -> None:
    """A caller must not have to read the code to know what to catch."""
    tree = TREES[name]

    assert list(_undocumented(tree, ast.get_docstring(tree) or "")) == []


def test_an_undocumented_error_is_found() -> None:
    """The check above fails when it should."""
    tree = ast.parse('def read():\n    "Raises `OSError`."\n    if x: raise errors.LookupError(x)\n    raise OSError\n')

    assert list(_undocumented(tree)) == ["read raises LookupError"]


def test_what_is_not_public_is_not_there() -> None:
    """A misspelt name raises an error."""
    with pytest.raises(AttributeError, match="has no attribute 'Servise'"):
        _ = firstlight.Servise


def test_the_version_has_one_home() -> None:
    """The version of the distribution is read from the constant."""
    holders = [name for name, tree in TREES.items() if "__version__" in dict(_assigned(tree))]

    assert holders == [ROOT]
    assert metadata.version("firstlight-runtime") == firstlight.__version__
