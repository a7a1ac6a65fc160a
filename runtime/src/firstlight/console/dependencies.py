"""The dependencies and the background work of the service, as its metrics tell."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ..metrics.instruments import REGISTRY

# A metric of the component `http_client`, which a service need not have.
_CALLS = "http_client_request_duration_seconds_count"
_RUNS, _SUCCESS, _EVERY = (
    "background_runs_total",
    "background_last_success_timestamp_seconds",
    "background_interval_seconds",
)
Sample = tuple[Mapping[str, str], float]


def dependencies() -> Sequence[Mapping[str, Any]]:
    """Each dependency with its calls and those that failed."""
    found: dict[str, dict[str, Any]] = {}
    for labels, value in _samples(_CALLS):
        row = _row(found, labels["dependency"], {"calls": 0, "failed": 0})
        row["calls"] += int(value)
        row["failed"] += int(value) if labels["error_type"] else 0
    return list(found.values())


def background() -> Sequence[Mapping[str, Any]]:
    """Each background task with its runs."""
    found: dict[str, dict[str, Any]] = {}
    empty = {"ok": 0, "failed": 0, "last_success": None, "every_seconds": None}
    for labels, value in _samples(_RUNS):
        _row(found, labels["task"], empty)[labels["outcome"]] = int(value)
    for name, member in ((_SUCCESS, "last_success"), (_EVERY, "every_seconds")):
        for labels, value in _samples(name):
            _row(found, labels["task"], empty)[member] = value
    return list(found.values())


def _samples(name: str) -> Iterator[Sample]:
    for family in REGISTRY.restricted_registry([name]).collect():
        for sample in family.samples:
            yield sample.labels, sample.value


def _row(found: dict[str, dict[str, Any]], name: str, empty: Mapping[str, Any]) -> dict[str, Any]:
    return found.setdefault(name, {"name": name, **empty})
