"""What the contract says of one metric, and which series Prometheus makes of it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")

# The suffixes of the series that a scrape shows, by kind, and the label that the client library adds to each of them.
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
    """One metric. `optional` metrics may be absent from a scrape; `exported_by` names the library that declares one."""

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
        """The name without the suffix of its kind: two spellings of one counter have one family."""
        return family(self.name, self.kind)

    def series(self) -> Mapping[str, frozenset[str]]:
        """Every series of the metric, with the labels it has beside those of the target."""
        return {f"{self.family}{suffix}": added.union(self.labels) for suffix, added in SUFFIXES[self.kind].items()}


def family(name: str, kind: str) -> str:
    """The name of a metric of that kind without the suffix that the client library adds."""
    suffix = {"counter": "_total", "info": "_info"}.get(kind)
    return name.removesuffix(suffix) if suffix else name


def key(name: str) -> str:
    """The name of a metric as a key of TOML: one with a colon needs quotes."""
    return name if _BARE_KEY.fullmatch(name) else f'"{name}"'
