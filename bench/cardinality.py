"""Cardinality: what a client sends must not make series."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from .report import Row, Section, Verdict
from .rig import Rig
from .variants import SERVICE, SERVICE_H11, Variant

UNMATCHED_PATHS = 100_000
UNKNOWN_VERBS = 1_000
METHOD = (
    "Series of a scrape of the whole service before and after many distinct unmatched paths and distinct unknown "
    "verbs; one of each has been answered before. httptools refuses unknown verbs "
    "itself, so they are also sent to the same service on h11, which passes them on."
)


@dataclass(frozen=True)
class Attack:
    """Many requests, each with a value of its own where a label might take it from."""

    title: str
    variant: Variant
    count: int
    order: Mapping[str, str]


@dataclass(frozen=True)
class Outcome:
    """How it was answered, and what it did to a scrape."""

    attack: Attack
    count: int
    before: int
    after: int
    statuses: Mapping[str, int] = field(default_factory=dict)

    @property
    def row(self) -> Row:
        """As a line of the table."""
        statuses = ", ".join(f"{count:,} x {status}" for status, count in sorted(self.statuses.items()))
        return self.attack.title, f"{self.count:,}", statuses, f"{self.before}", f"{self.after}"

    @property
    def verdict(self) -> Verdict:
        """No series more."""
        target = f"{self.count:,} {self.attack.title}: the number of series stays"
        return Verdict(target, f"{self.before} to {self.after}", met=self.before == self.after)


VERBS = {"method": "VERB{n}", "path": "/items/1"}
ATTACKS = (
    Attack("unmatched paths", SERVICE, UNMATCHED_PATHS, {"path": "/nowhere/{n}"}),
    Attack("unknown verbs", SERVICE, UNKNOWN_VERBS, VERBS),
    Attack("unknown verbs on h11", SERVICE_H11, UNKNOWN_VERBS, VERBS),
)


def measure(rig: Rig) -> Section:
    """Paths and verbs on the usual parser, verbs on the one that lets them through as well."""
    outcomes = [_carry_out(rig, attack) for attack in ATTACKS]
    head = ("Cardinality", "requests", "answers", "series before", "series after")
    rows, verdicts = [outcome.row for outcome in outcomes], [outcome.verdict for outcome in outcomes]
    return Section("Cardinality", METHOD, head, rows, verdicts)


def _carry_out(rig: Rig, attack: Attack) -> Outcome:
    with rig.start(attack.variant) as server:
        server.until_ready()
        rig.send(server, 1)
        rig.send(server, 1, **attack.order)
        count, before = rig.amounts.of(attack.count), len(server.series())
        statuses = rig.send(server, count, **attack.order).statuses
        return Outcome(attack, count, before, len(server.series()), statuses)
