"""How a query of a dashboard is read: what it selects, which labels its result has, in which units it can be shown."""

import re
from collections.abc import Iterator

from dashboards import nodes, parsed
from promql_parser import AggregateExpr, BinaryExpr, Call, Expr, MatrixSelector, VectorSelector
from rulebook import TARGET_LABELS, known_series

# Grafana's names of units. Grafana shows an unknown name as text after the number.
UNITS = frozenset({"bytes", "d", "none", "ops", "percentunit", "reqps", "s", "short"})
RATIO = frozenset({"percentunit", "short"})
COUNT = frozenset({"short", "none"})
PER_SECOND = frozenset({"reqps", "ops"})
SECONDS = frozenset({"s"})
MEASURED = {  # the end of a name: what it is measured in
    r"slo:error_budget_remaining:ratio|slo:objective:ratio": frozenset({"percentunit"}),
    r"slo:burn_rate:ratio": frozenset({"short"}),
    r"process:(up|service_ready):avg": RATIO | COUNT,
    r".*:(rate|rate\d+m)": PER_SECOND,
    r".*_seconds(:p95_rate5m|_sum|_total|_bucket)?|ALERTS_FOR_STATE": SECONDS,
    r".*_bytes": frozenset({"bytes"}),
    r".*": COUNT,
}


def parses(expr: str) -> bool:
    """Whether the query is valid PromQL."""
    try:
        parsed(expr)
    except ValueError:
        return False
    return True


def vector_selectors(tree: Expr) -> list[VectorSelector]:
    """Everything that is read, those inside ranges included."""
    return [node for node in nodes(tree) if isinstance(node, VectorSelector)]


def ranges(tree: Expr) -> Iterator[tuple[str, MatrixSelector]]:
    """Every range, with the function that reads it."""
    for node in nodes(tree):
        if isinstance(node, Call):
            yield from ((node.func.name, argument) for argument in node.args if isinstance(argument, MatrixSelector))


def matchers(selector: VectorSelector) -> set[tuple[str, str]]:
    """Every label that is filtered by, and the value or pattern."""
    return {(matcher.name, matcher.value) for matcher in selector.matchers.matchers}


def kept_labels(tree: Expr) -> set[str]:
    """The labels that an aggregation keeps."""
    kept = [node.modifier.labels for node in nodes(tree) if isinstance(node, AggregateExpr) and node.modifier]
    return {label for labels in kept for label in labels}


def result_labels(tree: Expr) -> frozenset[str]:
    """The labels of a result: those of the first part that has any."""
    match tree:
        case VectorSelector():
            return known_series().get(tree.name or "", frozenset()) | TARGET_LABELS
        case AggregateExpr() if str(tree.op) not in {"topk", "bottomk"}:
            return frozenset(tree.modifier.labels if tree.modifier else [])
    labels = next(filter(None, map(result_labels, _parts(tree))), frozenset[str]())
    return labels - {"le"} if isinstance(tree, Call) and tree.func.name == "histogram_quantile" else labels


def fitting_units(tree: Expr) -> frozenset[str]:
    """The units that a query can be shown in, by the names it reads and what it does to them."""
    match tree:
        case VectorSelector():
            return next(units for name, units in MEASURED.items() if re.fullmatch(name, tree.name or ""))
        case AggregateExpr():
            return _units_of_aggregation(tree)
        case Call():
            return _units_of_call(tree)
        case BinaryExpr():
            return _units_of_operation(tree)
    return _units_of_first(_parts(tree))


def _parts(tree: Expr) -> list[Expr]:
    named = [getattr(tree, name) for name in ("lhs", "rhs", "expr", "vector_selector") if hasattr(tree, name)]
    return [*named, *getattr(tree, "args", [])]


def _units_of_first(parts: list[Expr]) -> frozenset[str]:
    return fitting_units(parts[0]) if parts else UNITS  # a number


def _units_of_aggregation(tree: AggregateExpr) -> frozenset[str]:
    inner = fitting_units(tree.expr)
    if str(tree.op) in {"count", "group"}:
        return COUNT
    return RATIO | COUNT if str(tree.op) == "avg" and inner == COUNT else inner  # of what is either 0 or 1


def _units_of_call(tree: Call) -> frozenset[str]:
    name = tree.func.name
    if name in {"rate", "irate", "deriv"}:
        return RATIO if fitting_units(tree.args[0]) == SECONDS and not _buckets(tree) else PER_SECOND
    if name in {"histogram_quantile", "time"}:
        return SECONDS
    if name in {"changes", "count_over_time"} or (name == "increase" and _buckets(tree)):
        return COUNT
    return _units_of_first(tree.args)


def _buckets(tree: Expr) -> bool:
    return any((selector.name or "").endswith("_bucket") for selector in vector_selectors(tree))


def _units_of_operation(tree: BinaryExpr) -> frozenset[str]:
    left, right = fitting_units(tree.lhs), fitting_units(tree.rhs)
    if str(tree.op) == "/" and UNITS not in (left, right):
        return RATIO if left & right else UNITS
    if str(tree.op) in {"*", "/"}:
        return UNITS
    return left if left != UNITS else right
