"""One metric of the contract, and its series in Prometheus."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")

# The suffixes of the series in a scrape, by kind, with the labels that the client library adds.
SUFFIXES: Mapping[str, Mapping[str, frozenset[str]]] = {
    "counter": {"_total": frozenset()},
    "gauge": {"": frozenset()},
    "histogram": {"_bucket": frozenset({"le"}), "_count": frozenset(), "_sum": frozenset()},
    "summary": {"": frozenset({"quantile"}), "_count": frozenset(), "_sum": frozenset()},
    "info": {"_info": frozenset()},
    "stateset": {"": frozenset()},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One metric. An `optional` one may be absent from a scrape. `exported_by` names the library that declares it."""

    name: str
    kind: str
    labels: tuple[str, ...]
    file: str
    optional: bool = False
    exported_by: str = ""
    unit: str = ""
    buckets: tuple[float, ...] = ()

    @property
    def family(self) -> str:
        """The name without the suffix of its kind, so that both spellings of a counter are equal."""
        return family(self.name, self.kind)

    def series(self) -> Mapping[str, frozenset[str]]:
        """Every series of the metric, with its labels, without those of the target."""
        return {f"{self.family}{suffix}": added.union(self.labels) for suffix, added in SUFFIXES[self.kind].items()}


def family(name: str, kind: str) -> str:
    """The name of a metric without the suffix that the client library adds for its kind."""
    suffix = {"counter": "_total", "info": "_info"}.get(kind)
    return name.removesuffix(suffix) if suffix else name


def key(name: str) -> str:
    """The name of a metric as a TOML key. A name with a colon is quoted."""
    return name if _BARE_KEY.fullmatch(name) else f'"{name}"'
