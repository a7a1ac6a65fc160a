"""Series for the alerts of the console, as the console would hold them and as promtool reads them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, repeat
from typing import Any

from firstlight.console.thresholds import THRESHOLDS

Labels = Mapping[str, str]
Key = tuple[str, tuple[tuple[str, str], ...]]
TARGET = {"service": "a", "env": "production", "instance": "1"}
EVALUATION_SECONDS = 30
LABELS = "alertname, burn, slo, signal, reason, task"


def key(name: str, **labels: str) -> Key:
    """A series by its name and labels."""
    return name, tuple(sorted(labels.items()))


def counter(*parts: tuple[int, float]) -> list[float]:
    """A counter that grows, for so many samples, by so much with each."""
    values, total = [0.0], 0.0
    for step in chain.from_iterable(repeat(step, samples) for samples, step in parts):
        total += step
        values.append(total)
    return values


def gauge(*parts: tuple[int, float]) -> list[float]:
    """A gauge that has, for so many samples, this value."""
    return [*chain.from_iterable(repeat(value, samples) for samples, value in parts)]


@dataclass(frozen=True)
class Scenario:
    """Series with a sample at each `interval` seconds, and the `looks` (minutes) at which alerts are compared.

    Of `alerts`, name and labels, each fires at one look at least and is silent at another.
    """

    name: str
    interval: int
    series: Mapping[Key, Sequence[float]]
    looks: Sequence[float]
    alerts: Sequence[Key]

    def test(self, expected: Mapping[float, Iterable[Key]]) -> Mapping[str, Any]:
        """A unit test for promtool that expects these alerts to fire at each look."""
        names = "|".join(sorted({threshold.name for threshold in THRESHOLDS}))
        expr = f'group by ({LABELS}) (ALERTS{{alertstate="firing",alertname=~"{names}"}})'
        return {
            "name": self.name,
            "interval": f"{self.interval}s",
            "input_series": [
                {"series": _selector(name, {**TARGET, **dict(own)}), "values": " ".join(f"{v:g}" for v in values)}
                for (name, own), values in self.series.items()
            ],
            "promql_expr_test": [
                {
                    "expr": expr,
                    "eval_time": f"{round(look * 60)}s",
                    "exp_samples": [
                        {"labels": _selector("", {"alertname": name, **dict(own)}), "value": 1}
                        for name, own in sorted(expected[look])
                    ],
                }
                for look in self.looks
            ],
        }


def _selector(name: str, labels: Labels) -> str:
    inner = ",".join(f'{label}="{value}"' for label, value in labels.items())
    return f"{name}{{{inner}}}"


class Samples:
    """A history of the console, at the time `now`, of series that are `factor` times as fast."""

    def __init__(self, scenario: Scenario, factor: float) -> None:
        """At the first sample."""
        self._step = scenario.interval / factor
        # Durations and times in values are as much shorter.
        self._series = {
            key: [value / factor for value in values] if key[0].startswith("background_") else values
            for key, values in scenario.series.items()
        }
        self.now = 0.0

    def _found(self, name: str, labels: Labels) -> Iterable[Sequence[float]]:
        return (v for (n, own), v in self._series.items() if n == name and labels.items() <= dict(own).items())

    def _at(self, values: Sequence[float], seconds: float) -> float:
        index = int((self.now - seconds) / self._step + 1e-6)
        return values[min(max(index, 0), len(values) - 1)]

    def series(self, name: str) -> Iterable[Labels]:
        """Labels by name."""
        return [dict(labels) for other, labels in self._series if other == name]

    def value(self, name: str, labels: Labels) -> float | None:
        """The sum now."""
        found = [self._at(values, 0) for values in self._found(name, labels)]
        return sum(found) if found else None

    def values(self, name: str, labels: Labels, seconds: float, step: float) -> Sequence[float]:
        """The sums at each step."""
        ages = [age * step for age in range(int(seconds / step)) if age * step <= self.now]
        found = [*self._found(name, labels)]
        return [sum(self._at(values, age) for values in found) for age in reversed(ages)] if found else []

    def increase(self, name: str, labels: Labels, seconds: float) -> float:
        """The growth of all."""
        return sum(self._at(values, 0) - self._at(values, seconds) for values in self._found(name, labels))
