"""Exceptions from an alert for one service, from `alerts/exceptions.toml`: a switch-off or a threshold, with an end."""

import math
import tomllib
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

from .fault import FaultError

LABELS = ("service", "env", "cluster")
TEXTS = ("alert", "service", "env", "reason", "author")
WAYS = ("off", "above", "below")
KEYS = (*TEXTS, "cluster", *WAYS, "until")
LONGEST = timedelta(days=366)
# Alerts that compare one value with a threshold. The value is that of the alert, as its description shows it.
ABOVE = frozenset(
    {
        "BackgroundWorkStopped",
        "CacheFailing",
        "CacheInvalidationsWait",
        "CacheWritesRefused",
        "CacheWritesSetAside",
        "CacheWritesWait",
        "CpuThrottled",
        "DatabaseDeadlocks",
        "DatabasePoolSaturated",
        "DatabasePoolTimeouts",
        "DatabaseReplicaLagging",
        "DatabaseSlowStatements",
        "DatabaseUnavailable",
        "ErrorLogBurst",
        "EventLoopLagging",
        "FileDescriptorsNearLimit",
        "HighErrorRatio",
        "HttpClientDiscoveryStale",
        "HttpClientErrors",
        "HttpClientRefused",
        "HttpClientSlow",
        "MemoryNearLimit",
        "PagesTooOften",
        "RequestsShed",
        "SeriesNearLimit",
        "ServiceRestarting",
        "TelemetryDropped",
        "UnhandledErrors",
    }
)
BELOW = frozenset(
    {
        "CacheHitRatioLow",
        "CacheUnavailable",
        "HttpClientInstancesUnavailable",
        "KpiDropped",
        "ServiceInstancesDown",
        "TemplateSupportEnding",
        "TrafficVanished",
    }
)
THRESHOLDS = {"above": ABOVE, "below": BELOW}


@dataclass(frozen=True, kw_only=True)
class AlertException:
    """One exception. With a threshold, the alert fires only when its value is above or below that."""

    alert: str
    service: str
    env: str
    until: date
    reason: str
    author: str
    cluster: str = ""
    off: bool = False
    above: float | None = None
    below: float | None = None

    def __str__(self) -> str:
        """What it is about, in a sentence."""
        return f"the exception of {self.alert} for {self.service} ({self.env})"

    @property
    def ends(self) -> datetime:
        """The first moment after its last day."""
        return datetime.combine(self.until, time(), UTC) + timedelta(days=1)


def read(file: Path, alerts: Collection[str], today: date) -> tuple[AlertException, ...]:
    """The exceptions, which may be from one of these `alerts`. Raises `FaultError`."""
    try:
        content = tomllib.loads(file.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise FaultError(file, [f"it cannot be read: {error}."]) from None
    rows = content.get("exceptions", [])
    if content.keys() - {"exceptions"} or not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise FaultError(file, ["there must be nothing but tables [[exceptions]]."])
    numbered = enumerate(rows, 1)
    if sentences := [f"exception {n}: {each}" for n, row in numbered for each in _faults(row, alerts, today)]:
        raise FaultError(file, sentences)
    found = tuple(AlertException(**row) for row in rows)
    about = Counter((each.alert, each.service, each.env, each.cluster) for each in found)
    if twice := [key for key, count in about.items() if count > 1]:
        raise FaultError(file, [f"{' '.join(key).strip()} has two exceptions; keep one." for key in twice])
    return found


def _faults(row: Mapping[str, Any], alerts: Collection[str], today: date) -> Iterator[str]:
    for key in row.keys() - set(KEYS):
        yield f"{key} is unknown; there are {', '.join(KEYS)}."
    for key in TEXTS:
        if not isinstance(row.get(key), str) or not row[key].strip():
            yield f"{key} must be a text."
        elif not all(each.isprintable() for each in row[key].split()):
            yield f"{key} must be a text without control characters."
    if not isinstance(row.get("cluster", ""), str):
        yield "cluster must be a text."
    for key in LABELS:
        if isinstance(row.get(key), str) and row[key] and (row[key] != row[key].strip() or not row[key].isprintable()):
            yield f"{key} must be the label as alerts have it, without spaces around it, and not {row[key]!r}."
    until = row.get("until")
    if type(until) is not date:
        yield "until must be its last day, such as 2027-03-31, without quotes."
    elif until - today > LONGEST:
        yield f"until must be within {LONGEST.days} days; a decision for good belongs into the rules."
    yield from _faults_of_the_way(row, alerts)


def _faults_of_the_way(row: Mapping[str, Any], alerts: Collection[str]) -> Iterator[str]:
    alert, ways = row.get("alert"), [way for way in WAYS if way in row]
    if isinstance(alert, str) and alert not in alerts:
        yield f"there is no alert {alert!r} about a service."
    elif len(ways) != 1:
        yield "it must have exactly one of off = true, above = <number>, below = <number>."
    elif ways == ["off"] and row["off"] is not True:
        yield "off must be true."
    elif ways != ["off"] and alert not in THRESHOLDS[ways[0]]:
        fitting = next((way for way, those in THRESHOLDS.items() if alert in those), "off = true")
        yield f"{alert} has no threshold of that kind; it takes {fitting}."
    elif ways != ["off"] and not _is_number(row[ways[0]]):
        yield f"{ways[0]} must be a number."


def _is_number(value: object) -> bool:
    """Of Prometheus, whose numbers are floats."""
    try:
        return not isinstance(value, bool) and isinstance(value, int | float) and math.isfinite(value)
    except OverflowError:
        return False
