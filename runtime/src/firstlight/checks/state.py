"""Finds state of modules in the source. Metrics, context variables and loggers do not count as state."""

import ast
from collections.abc import Iterator, Sequence

from .syntax import Module

MUTATORS = frozenset(
    {"append", "add", "update", "extend", "insert", "pop", "popitem", "remove", "clear", "setdefault", "discard"}
)
EMPTY = frozenset({"dict", "list", "set", "deque", "defaultdict", "OrderedDict", "bytearray", "count", "cycle"})
Function = ast.FunctionDef | ast.AsyncFunctionDef


def held(modules: Sequence[Module]) -> Iterator[tuple[Module, int, str]]:
    """Every module-level name that holds state, and every statement in a function that changes one, with its line."""
    stateful = {name for module in modules for name in _classes(module.tree)}
    for module in modules:
        for name, line, value in _top(module.tree):
            if _is_state(value, stateful):
                yield module, line, f"{name} is state of the module"
        names = {name for name, _, _ in _top(module.tree)}
        for line, text in _changes(module.tree, names):
            yield module, line, f"`{text}` changes the module"


def _classes(tree: ast.Module) -> Iterator[str]:
    """The classes with an `__init__`: their instances are taken for state."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef) and any(
            isinstance(n, ast.FunctionDef) and n.name == "__init__" for n in node.body
        ):
            yield node.name


def _top(tree: ast.Module) -> Iterator[tuple[str, int, ast.expr | None]]:
    for node in tree.body:
        match node:
            case ast.Assign(targets=targets, value=value):
                yield from ((target.id, node.lineno, value) for target in targets if isinstance(target, ast.Name))
            case ast.AnnAssign(target=ast.Name(id=name), value=value):
                yield name, node.lineno, value


def _is_state(value: ast.expr | None, stateful: set[str]) -> bool:
    match value:
        case ast.List(elts=[]) | ast.Set(elts=[]) | ast.Dict(keys=[]):
            return True
        case ast.Call(func=function):
            called = function.attr if isinstance(function, ast.Attribute) else ast.unparse(function)
            return called in EMPTY | stateful
        case _:
            return False


def _changes(tree: ast.Module, names: set[str]) -> Iterator[tuple[int, str]]:
    seen: set[int] = set()
    for function in ast.walk(tree):
        for node in ast.walk(function) if isinstance(function, Function) else ():
            if id(node) not in seen and _changes_one_of(node, names):
                seen.add(id(node))
                yield getattr(node, "lineno", 1), ast.unparse(node)


def _changes_one_of(node: ast.AST, names: set[str]) -> bool:
    match node:
        case ast.Global():
            return True
        case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr=method)):
            return name in names and method in MUTATORS
        case ast.Subscript(value=ast.Name(id=name), ctx=ast.Store() | ast.Del()):
            return name in names
        case _:
            return False
