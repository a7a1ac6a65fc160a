"""Finds the metrics and labels that a PromQL expression reads."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import promql_parser

MAKES_LABELS = frozenset({"label_replace", "label_join"})


class ExpressionError(ValueError):
    """The text is not valid PromQL."""


@dataclass(frozen=True, slots=True)
class Selector:
    """One selector: the metrics that it names, and the labels that it matches."""

    metrics: tuple[str, ...]
    labels: frozenset[str]


@dataclass(frozen=True, slots=True)
class Expression:
    """An expression: its selectors, the labels by which it groups or joins, and the labels that it creates."""

    selectors: tuple[Selector, ...]
    grouping: frozenset[str]
    made: frozenset[str]

    @classmethod
    def of(cls, text: str) -> "Expression":
        """Parse an expression. Raises `ExpressionError`."""
        nodes: list[Any] = []
        try:
            promql_parser.walk(promql_parser.parse(text), nodes.append)
        except ValueError as error:
            raise ExpressionError(" ".join(str(error).split())) from None
        return cls(
            selectors=tuple(_selector(node) for node in nodes if isinstance(node, promql_parser.VectorSelector)),
            grouping=frozenset(label for node in nodes for label in _grouping(node)),
            made=frozenset(label for node in nodes for label in _made(node)),
        )


def _selector(node: promql_parser.VectorSelector) -> Selector:
    matchers = node.matchers.matchers
    named = [part for matcher in matchers if matcher.name == "__name__" for part in matcher.value.split("|")]
    labels = frozenset(matcher.name for matcher in matchers) - {"__name__"}
    return Selector((node.name,) if node.name else tuple(named), labels)


def _grouping(node: Any) -> Iterator[str]:
    if isinstance(node, promql_parser.AggregateExpr) and node.modifier:
        yield from node.modifier.labels
    elif isinstance(node, promql_parser.BinaryExpr) and node.modifier and node.modifier.matching:
        yield from node.modifier.matching.labels


def _made(node: Any) -> Iterator[str]:
    """The label that a function creates: its second argument, or the parameter of `count_values`."""
    if isinstance(node, promql_parser.Call) and node.func.name in MAKES_LABELS:
        texts = [argument.val for argument in node.args if isinstance(argument, promql_parser.StringLiteral)]
        yield from texts[:1]
    elif isinstance(node, promql_parser.AggregateExpr) and isinstance(node.param, promql_parser.StringLiteral):
        yield node.param.val
