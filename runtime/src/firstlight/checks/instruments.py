"""Finds the metrics of the service in its source: the declarations with the Prometheus client."""

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from ..contract.metric import SUFFIXES, family
from . import syntax
from .syntax import Module

KINDS = {"Counter": "counter", "Gauge": "gauge", "Histogram": "histogram", "Summary": "summary"} | {
    "Info": "info",
    "Enum": "stateset",
}
COLLECTED = {f"{name}MetricFamily": kind for name, kind in KINDS.items()} | {"StateSetMetricFamily": "stateset"}
# The position of the labels among the arguments, after name and documentation.
LABELS_POSITION = 2


@dataclass(frozen=True, slots=True)
class Instrument:
    """One declaration. `labels` is `None` if they are not literals."""

    family: str
    kind: str
    labels: tuple[str, ...] | None
    file: str
    line: int

    @property
    def name(self) -> str:
        """The name in Prometheus, without the suffixes of a histogram or a summary."""
        added = SUFFIXES[self.kind]
        return f"{self.family}{next(iter(added))}" if len(added) == 1 else self.family


def declared(modules: Sequence[Module]) -> Iterator[Instrument]:
    """Every metric whose name is a literal."""
    for module in modules:
        texts = syntax.literals(module)
        for node in ast.walk(module.tree):
            if isinstance(node, ast.Call) and (kind := _kind(module, node.func)):
                name = _name(node, kind, texts)
                if name:
                    yield Instrument(name, kind, _labels(node), module.file, node.lineno)


def _kind(module: Module, function: ast.expr) -> str | None:
    """The kind of metric that a call declares, or `None`, for example for `collections.Counter`."""
    library, _, name = module.origin(function).rpartition(".")
    if library.split(".")[0] not in {"prometheus_client", "firstlight"}:
        return None
    return KINDS.get(name) or COLLECTED.get(name)


def _name(call: ast.Call, kind: str, texts: Mapping[str, str]) -> str | None:
    """The name as the client library composes it."""
    given = {keyword.arg: keyword.value for keyword in call.keywords}
    first = call.args[0] if call.args else given.get("name")
    parts = [given.get("namespace"), given.get("subsystem"), first]
    names = [_text(part, texts) for part in parts if part is not None]
    if first is None or None in names:
        return None
    name = "_".join(part for part in names if part)
    if kind == "counter":  # unlike `Info`, which adds its suffix a second time
        name = family(name, kind)
    unit = _text(given.get("unit"), texts)
    return f"{name}_{unit}" if unit and not name.endswith(f"_{unit}") else name


def _text(value: ast.expr | None, texts: Mapping[str, str]) -> str | None:
    match value:
        case ast.Constant(value=str() as text):
            return text
        case ast.Name(id=name):
            return texts.get(name)
        case _:
            return None


def _labels(call: ast.Call) -> tuple[str, ...] | None:
    """The labels, if all of them are literals."""
    name = call.func.attr if isinstance(call.func, ast.Attribute) else ast.unparse(call.func)
    given = {keyword.arg: keyword.value for keyword in call.keywords}
    value = given.get("labelnames", given.get("labels"))
    if value is None and name.endswith("MetricFamily"):
        return None
    if value is None and len(call.args) > LABELS_POSITION:
        value = call.args[LABELS_POSITION]
    if value is None:
        return ()
    if not isinstance(value, ast.Tuple | ast.List):
        return None
    labels = [_text(entry, {}) for entry in value.elts]
    return None if None in labels else tuple(label for label in labels if label)
