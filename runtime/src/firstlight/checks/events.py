"""Finds the log events of the service in its source: the calls on loggers.

Every call on a structlog logger is an event. A logger of the standard library mostly writes sentences, which are not
in the contract; there, only a text with the form of an event name is an event.
"""

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from . import syntax
from .syntax import Module

STRUCTURED = frozenset({"structlog.getLogger", "structlog.get_logger", "structlog.stdlib.get_logger"})
STANDARD = frozenset({"logging.getLogger"})
NAME = re.compile(r"[a-z][a-z0-9_]*(\.[a-z0-9_]+)+")
# Methods of a logger that return a logger.
DERIVED = frozenset({"bind", "getChild", "new", "try_unbind", "unbind"})
LEVELS = ("debug", "info", "warning", "warn", "error", "exception", "critical", "fatal")
METHODS = frozenset({*LEVELS, *(f"a{level}" for level in LEVELS)})
Names = frozenset[str]


@dataclass(frozen=True, slots=True)
class Event:
    """One call on a logger. `name` is `None` if the first argument is not a literal."""

    name: str | None
    file: str
    line: int


def logged(modules: Sequence[Module]) -> Iterator[Event]:
    """Every event that is logged."""
    yield from _by(modules, STRUCTURED)
    yield from (event for event in _by(modules, STANDARD) if event.name and NAME.fullmatch(event.name))


def _by(modules: Sequence[Module], factories: Names) -> Iterator[Event]:
    """The events of the loggers that `factories` return."""
    own = {module.name: _loggers(module, frozenset(), factories) for module in modules}
    for module in modules:
        taken = {here for source, name, here in module.imported() if name in own.get(source, ())}
        loggers = _loggers(module, frozenset(taken), factories)
        texts = syntax.literals(module)
        for node in ast.walk(module.tree):
            if isinstance(node, ast.Call) and _logs(module, node.func, loggers, factories):
                argument = _event(node)
                yield from (Event(name, module.file, node.lineno) for name in _names(argument, texts))


def _loggers(module: Module, known: Names, factories: Names) -> Names:
    """The names that refer to a logger, or to a logging method of one."""
    while True:
        found = {name for name, value in syntax.assigned(module.tree) if _is_source(module, value, known, factories)}
        if found <= known:
            return known
        known |= found


def _is_source(module: Module, value: ast.expr, loggers: Names, factories: Names) -> bool:
    if isinstance(value, ast.IfExp):
        return all(_is_source(module, branch, loggers, factories) for branch in (value.body, value.orelse))
    return _is_logger(module, value, loggers, factories) or _is_method(module, value, loggers, factories)


def _is_logger(module: Module, value: ast.expr, loggers: Names, factories: Names) -> bool:
    match value:
        case ast.Call(func=ast.Attribute(value=inner, attr=name)) if name in DERIVED:
            return _is_logger(module, inner, loggers, factories)
        case ast.Call(func=function):
            return module.origin(function) in factories
        case ast.Name() | ast.Attribute():
            return ast.unparse(value) in loggers
        case _:
            return False


def _is_method(module: Module, value: ast.expr, loggers: Names, factories: Names) -> bool:
    return (
        isinstance(value, ast.Attribute)
        and value.attr in {*METHODS, "log"}
        and _is_logger(module, value.value, loggers, factories)
    )


def _logs(module: Module, function: ast.expr, loggers: Names, factories: Names) -> bool:
    by_name = isinstance(function, ast.Name) and function.id in loggers
    return by_name or _is_method(module, function, loggers, factories)


def _event(call: ast.Call) -> ast.expr | None:
    """The argument that names the event: the second one of `log`, whose first is the level, else the first."""
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
