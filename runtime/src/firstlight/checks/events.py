"""The log events of the service, found in its source: calls on a logger, and on nothing else."""

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from . import syntax
from .syntax import Module

FACTORIES = frozenset(
    {
        "logging.getLogger",
        "structlog.getLogger",
        "structlog.get_logger",
        "structlog.stdlib.get_logger",
    }
)
# Methods of a logger that give another logger.
DERIVED = frozenset({"bind", "getChild", "new", "try_unbind", "unbind"})
LEVELS = ("debug", "info", "warning", "warn", "error", "exception", "critical", "fatal")
METHODS = frozenset({*LEVELS, *(f"a{level}" for level in LEVELS)})


@dataclass(frozen=True, slots=True)
class Event:
    """One call. `name` is `None` where the first argument is put together at run time."""

    name: str | None
    file: str
    line: int


def logged(modules: Sequence[Module]) -> Iterator[Event]:
    """Every event that is logged."""
    own = {module.name: _loggers(module, frozenset()) for module in modules}
    for module in modules:
        taken = {here for source, name, here in module.imported() if name in own.get(source, ())}
        loggers = _loggers(module, frozenset(taken))
        texts = syntax.literals(module)
        for node in ast.walk(module.tree):
            if isinstance(node, ast.Call) and _logs(module, node.func, loggers):
                argument = _event(node)
                yield from (Event(name, module.file, node.lineno) for name in _names(argument, texts))


def _loggers(module: Module, known: frozenset[str]) -> frozenset[str]:
    """The names that stand for a logger, or for a method of one that logs."""
    while True:
        found = {name for name, value in syntax.assigned(module.tree) if _is_source(module, value, known)}
        if found <= known:
            return known
        known |= found


def _is_source(module: Module, value: ast.expr, loggers: frozenset[str]) -> bool:
    if isinstance(value, ast.IfExp):
        return _is_source(module, value.body, loggers) and _is_source(module, value.orelse, loggers)
    return _is_logger(module, value, loggers) or _is_method(module, value, loggers)


def _is_logger(module: Module, value: ast.expr, loggers: frozenset[str]) -> bool:
    match value:
        case ast.Call(func=ast.Attribute(value=inner, attr=name)) if name in DERIVED:
            return _is_logger(module, inner, loggers)
        case ast.Call(func=function):
            return module.origin(function) in FACTORIES
        case ast.Name() | ast.Attribute():
            return ast.unparse(value) in loggers
        case _:
            return False


def _is_method(module: Module, value: ast.expr, loggers: frozenset[str]) -> bool:
    return (
        isinstance(value, ast.Attribute)
        and value.attr in {*METHODS, "log"}
        and _is_logger(module, value.value, loggers)
    )


def _logs(module: Module, function: ast.expr, loggers: frozenset[str]) -> bool:
    by_name = isinstance(function, ast.Name) and function.id in loggers
    return by_name or _is_method(module, function, loggers)


def _event(call: ast.Call) -> ast.expr | None:
    """The argument that names the event: `log` takes the level before it."""
    position = 1 if isinstance(call.func, ast.Attribute) and call.func.attr == "log" else 0
    if len(call.args) > position:
        return call.args[position]
    return next((keyword.value for keyword in call.keywords if keyword.arg in {"event", "msg"}), None)


def _names(argument: ast.expr | None, texts: Mapping[str, str]) -> Iterator[str | None]:
    match argument:
        case None:
            return
        case ast.IfExp(body=body, orelse=other):
            yield from _names(body, texts)
            yield from _names(other, texts)
        case ast.Constant(value=str() as name):
            yield name
        case ast.Name(id=name):
            yield texts.get(name)
        case _:
            yield None
