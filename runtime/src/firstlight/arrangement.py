"""Checks that the components of a service fit together. A fault stops the start with one sentence."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from . import forms
from .component import Component, Layer, Requirement
from .declarations import foreign
from .errors import ArrangementError
from .identity import WEB
from .operations.operation import Operation
from .service import Service
from .slo import ROUTE_PREFIX, STANDARD
from .versions.faults import faults as versions_faults
from .versions.faults import key

Components = Sequence[Component[Any, Any]]
RESERVED_NAMES = frozenset({"lifecycle", "settings", WEB})  # the runtime's own keys in `state`, and its process


def verify(service: Service) -> None:
    """Raise `ArrangementError` with one sentence that names the first fault."""
    for fault in _faults(service):
        raise ArrangementError(fault)


def _faults(service: Service) -> Iterator[str]:
    yield from foreign(service)
    components = service.components
    names = [component.name for component in components]
    yield from _misnamed(names)
    yield from _missing(components, set(names))
    yield from _circle(components)
    yield from _misplaced(components)
    yield from _clashes(components)
    declared = [("the service", service.background, service.routes)]
    declared += [(c.name, c.background, c.routes) for c in components]
    tasks = [(owner, task.name) for owner, background, _ in declared for task in background]
    yield from _shared("background task", tasks, "rename one of them")
    operations = [(owner, row) for owner, _, rows in declared for row in rows if isinstance(row, Operation)]
    yield from _contradictory(operations, components)
    checks = [("the service", check.name) for check in service.checks]
    checks += [(owner, f"background.{name}") for owner, name in tasks]
    yield from _shared("check", checks, "rename one of them")
    objectives = [*(("the runtime", name) for name in STANDARD), *(("the service", o.slo) for o in service.objectives)]
    yield from _shared("objective", objectives, "rename one of them")
    for objective in service.objectives:
        if objective.slo.startswith(ROUTE_PREFIX):
            yield f"the objective {objective.slo!r} must have another name: {ROUTE_PREFIX} is for the latency of routes"
    yield from _shared("operation", ((o, key(row)) for o, row in operations), "remove one of them")
    yield from _undocumented(operations, components)


def _misnamed(names: Sequence[str]) -> Iterator[str]:
    for name in names:
        if not (name.isidentifier() and name == name.lower()):
            yield f"the component name {name!r} must be a Python name in lower case, such as http_client"
        if name in RESERVED_NAMES:
            yield f"the component name {name!r} is taken by the runtime; choose another"
    yield from _shared("component", (("", name) for name in names), "rename one of them")


def _missing(components: Components, names: set[str]) -> Iterator[str]:
    for component in components:
        for requirement in component.requires:
            group = _group(requirement)
            if names.isdisjoint(group):
                yield f"{component.name} requires {' or '.join(group)}; add it to `components` before {component.name}"


def _circle(components: Components) -> Iterator[str]:
    needs = {c.name: [name for need in (*c.requires, *c.uses) for name in _group(need)] for c in components}
    for start in needs:
        path = _path_back(needs, start)
        if path:
            yield f"{' needs '.join(path)}: components must not need each other in a circle"


def _path_back(needs: Mapping[str, Sequence[str]], start: str) -> Sequence[str]:
    """The path from a component back to itself, or nothing."""
    waiting: list[tuple[str, ...]] = [(start,)]
    seen = set[str]()
    while waiting:
        path = waiting.pop()
        for name in needs.get(path[-1], ()):
            if name == start:
                return (*path, start)
            if name not in seen:
                seen.add(name)
                waiting.append((*path, name))
    return ()


def _misplaced(components: Components) -> Iterator[str]:
    places = {component.name: place for place, component in enumerate(components)}
    for component in components:
        for needed in (name for need in (*component.requires, *component.uses) for name in _group(need)):
            if places.get(needed, -1) > places[component.name]:
                yield f"{component.name} needs {needed}; put {needed} before {component.name} in `components`"


def _clashes(components: Components) -> Iterator[str]:
    words = [(c.name, word) for c in components for word in (*c.commands, *c.processes)]
    for owner, word in words:
        if word in RESERVED_NAMES:
            yield f"{owner} has a process or command named {word!r}, which every service has; rename it"
    yield from _shared("process or command", words, "rename one of them")
    layers = [(c.name, layer.name) for c in components for layer in c.middleware]
    yield from _shared("middleware layer", layers, "move one of them")


def _contradictory(operations: Sequence[tuple[str, Operation]], components: Components) -> Iterator[str]:
    yield from _malformed(operations)
    yield from versions_faults(operations)
    yield from _not_idempotent(operations, components)


def _malformed(operations: Iterable[tuple[str, Operation]]) -> Iterator[str]:
    for owner, row in operations:
        if row.method != row.method.upper():
            yield f"the method {row.method!r} of {row.path}, by {owner}, must be in upper case"
        if not row.path.startswith("/"):
            yield f"the path {row.path!r}, by {owner}, must begin with a slash"
        if row.body is not None and row.form is not None:
            yield f"{row.method} {row.path}, by {owner}, has a body and a form; remove one of them"
        if row.form is not None and not forms.can_be_read():
            yield f"{row.method} {row.path}, by {owner}, reads a form, which needs a library: uv add python-multipart"


def _undocumented(operations: Sequence[tuple[str, Operation]], components: Components) -> Iterator[str]:
    """What would make the OpenAPI document ambiguous or wrong."""
    schemes = [(component.name, name) for component in components for name in component.security_schemes]
    yield from _shared("security scheme", schemes, "rename one of them")
    known = {name: None for _, name in schemes}
    for owner, row in operations:
        if row.policy is not None and row.policy not in known:
            names = ", ".join(known) or "none"
            call = f"{row.method} {row.path}, by {owner}"
            yield f"the policy {row.policy!r} of {call}, must be one of the components' security schemes: {names}"


def _not_idempotent(operations: Iterable[tuple[str, Operation]], components: Components) -> Iterator[str]:
    """Operations that declare what nothing would do: a client would repeat a request in vain."""
    honoured = any(Layer.IDEMPOTENCY in component.middleware for component in components)
    for owner, row in operations:
        called = f"{row.method} {row.path}, by {owner},"
        if row.idempotent and not honoured:
            yield f"{called} is idempotent; add IDEMPOTENCY of firstlight.idempotency to `components`"
        if not row.idempotent and (row.idempotency_required or row.idempotency_seconds is not None):
            yield f"{called} says how it honours an Idempotency-Key; set idempotent=True as well"
        if row.idempotency_seconds is not None and not row.idempotency_seconds > 0:
            yield f"{called} has idempotency_seconds={row.idempotency_seconds:g}; it must be more than 0"


def _shared(kind: str, owned: Iterable[tuple[str, str]], cure: str) -> Iterator[str]:
    pairs = list(owned)
    for name, count in Counter(name for _, name in pairs).items():
        if count > 1:
            owners = dict.fromkeys(owner for owner, owned in pairs if owner and owned == name)
            by = f", by {' and '.join(owners)}" if owners else ""
            yield f"the {kind} {name!r} is declared {count} times{by}; {cure}"


def _group(requirement: Requirement) -> tuple[str, ...]:
    return (requirement,) if isinstance(requirement, str) else requirement
