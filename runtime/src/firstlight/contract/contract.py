"""The combined contract of one service."""

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from .metric import Metric
from .part import Part, Problem


@dataclass(frozen=True, slots=True)
class Contract:
    """The entries of all parts. A name in two parts is a problem; the entry of the first part is used."""

    parts: tuple[Part, ...]
    metrics: Mapping[str, Metric]  # by family
    events: frozenset[str]
    variables: frozenset[str]
    problems: tuple[Problem, ...]

    @classmethod
    def of(cls, components: Iterable[str], *own: Part) -> "Contract":
        """Combine the runtime's part, those of the components, and `own`."""
        parts = (*shipped(components), *own)
        metrics: dict[str, Metric] = {}
        for part in parts:
            for metric in part.metrics:
                metrics.setdefault(metric.family, metric)
        return cls(
            parts=parts,
            metrics=metrics,
            events=frozenset(event for part in parts for event in part.events),
            variables=frozenset(variable for part in parts for variable in part.variables),
            problems=(*(problem for part in parts for problem in part.problems), *_named_twice(parts)),
        )

    def fact(self, table: str, name: str) -> Any:
        """A value of a table that only the runtime's part has, such as `("management", "port")`. Raises `KeyError`."""
        return self.parts[0].facts[table][name]

    @property
    def probes(self) -> Mapping[str, str]:
        """The path of each probe: `live`, `ready`, `startup`."""
        probes: Mapping[str, str] = self.parts[0].facts["probes"]
        return probes

    @property
    def paths(self) -> frozenset[str]:
        """Every path that probes and scrapes may request."""
        own = (self.fact("management", "metrics"), self.fact("management", "details"))
        return frozenset((*self.probes.values(), *own))

    @property
    def fields(self) -> frozenset[str]:
        """The fields of log lines, including those of requests."""
        return frozenset((*self.fact("log", "fields"), *self.fact("log", "request_fields")))

    @property
    def external(self) -> Mapping[str, frozenset[str]]:
        """Series that other exporters have about a service, with their labels, for example of Jobs and deploys."""
        return {name: frozenset(labels) for name, labels in self.parts[0].facts["external"].items()}

    def series(self) -> Mapping[str, frozenset[str]]:
        """Every series of every metric, with its labels."""
        return {name: labels for metric in self.metrics.values() for name, labels in metric.series().items()}


def shipped(components: Iterable[str]) -> Iterator[Part]:
    """The runtime's part first, then those of the components that have one."""
    parts = (_shipped(name) for name in ("runtime", *components))
    return (part for part in parts if part is not None)


@cache  # the checks ask for the same parts a hundred times
def _shipped(name: str) -> Part | None:
    file = resources.files(__package__) / f"{name}.toml"
    if not file.is_file():
        return None
    return Part.of(f"firstlight/contract/{name}.toml", tomllib.loads(file.read_text("utf-8")))


def _named_twice(parts: Iterable[Part]) -> Iterator[Problem]:
    owners: dict[tuple[str, str], str] = {}
    for part in parts:
        for kind, key, name in _named(part):
            owner = owners.setdefault((kind, key), "")
            owners[kind, key] = owner or part.file
            if owner == part.file:
                yield Problem(part.file, f"the {kind} {name} is there twice: remove one.")
            elif owner:
                yield Problem(part.file, f"the {kind} {name} is also in {owner}: give it another name here.")


def _named(part: Part) -> Iterator[tuple[str, str, str]]:
    """Every name of a part: its kind, its key for comparisons, and its spelling."""
    yield from (("metric", metric.family, metric.name) for metric in part.metrics)
    yield from (("event", event, event) for event in part.events)
    yield from (("variable", variable, variable) for variable in part.variables)
