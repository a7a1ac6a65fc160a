"""The series that rules and dashboards may read: those of the contract and those of recording rules."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ..contract import Contract
from ..contract.part import TARGET_LABELS
from .expressions import Expression, ExpressionError

# Series of Prometheus and Alertmanager about themselves, about scrapes and about alerts.
EXTERNAL = re.compile(r"up|ALERTS(_FOR_STATE)?|scrape_\w+|(prometheus|alertmanager)_\w+")
ANY = frozenset({"__name__", *TARGET_LABELS})


@dataclass(frozen=True, slots=True)
class Series:
    """All series with their labels. A recorded series may have any label of the contract or of a rule."""

    known: Mapping[str, frozenset[str]]
    labels: frozenset[str]
    file: str  # the team's part of the contract

    @classmethod
    def of(cls, contract: Contract, recorded: Mapping[str, frozenset[str]]) -> "Series":
        """The series of a contract and of recording rules. `recorded` has the labels that each rule sets."""
        exported = {**contract.external, **contract.series()}
        labels = frozenset().union(ANY, *exported.values(), *recorded.values())
        known = {**exported, **dict.fromkeys(recorded, labels)}
        return cls(known, labels, contract.parts[-1].file)

    def complaints(self, text: str, *, unnamed: bool = True) -> Iterator[str]:
        """The faults of an expression, such as unknown series. `unnamed` allows selectors without a metric."""
        try:
            expression = Expression.of(text)
        except ExpressionError as error:
            yield f"is not PromQL: {error}."
            return
        if not unnamed and not all(selector.metrics for selector in expression.selectors):
            yield "selects series without naming a metric."
        foreign = False
        for selector in expression.selectors:
            for name in selector.metrics:
                labels = self.known.get(name)
                foreign |= labels is None  # the labels of this series are unknown
                if labels is not None:
                    yield from self._matched(name, selector.labels - labels - ANY)
                elif not EXTERNAL.fullmatch(name):
                    yield f"reads {name}, which is neither in the contract nor recorded; yours are in {self.file}."
        if not foreign:
            yield from self._grouped(expression)

    def _matched(self, name: str, labels: frozenset[str]) -> Iterator[str]:
        for label in sorted(labels):
            yield f"matches {name} by the label {label}, which it does not have; yours are in {self.file}."

    def _grouped(self, expression: Expression) -> Iterator[str]:
        read = (self.known.get(name, frozenset()) for each in expression.selectors for name in each.metrics)
        unknown = expression.grouping - expression.made - ANY.union(*read)
        if any(not each.metrics for each in expression.selectors):
            return  # a selector without a name may read anything
        for label in sorted(unknown):
            yield f"groups or joins by the label {label}, which nothing in it has; yours are in {self.file}."
