"""The error budget of each objective, since the start of the process, and what has used it."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from math import inf
from typing import Any

from ..requests.outcome import NOT_OURS
from .conditions import EVENTS, burn_rate
from .history import History, Labels

BURN_SECONDS = 300  # the window of the burn rate
MOST_ROWS = 20  # of what has used a budget
_DURATION = "http_server_request_duration_seconds"

Key = tuple[str, str]
Bad = Counter[Key]


def current(history: History, seconds: float = BURN_SECONDS) -> Mapping[str, Any]:
    """`{"items": [{"slo", "objective", "good", "bad", "ratio", "budget_left", "burn_rate", "broken_by": [...]}]}`.

    `ratio` is null before the first event. `budget_left` is 1 when nothing is spent, and less than 0 when more is.
    `seconds` is the window of the burn rate. `broken_by` has the bad requests by route and status, the most first.
    """
    return {"items": [_item(history, labels["slo"], seconds) for labels in history.series("slo_objective_ratio")]}


def _item(history: History, slo: str, seconds: float) -> Mapping[str, Any]:
    objective = history.value("slo_objective_ratio", {"slo": slo}) or 0.0
    good, bad = (history.value(EVENTS, {"slo": slo, "outcome": outcome}) or 0.0 for outcome in ("good", "bad"))
    total = good + bad
    return {
        "slo": slo,
        "objective": objective,
        "good": good,
        "bad": bad,
        "ratio": good / total if total else None,
        "budget_left": 1 - bad / (total * (1 - objective)) if total else 1.0,
        "burn_rate": burn_rate(history, slo, seconds)[0],
        "broken_by": _broken_by(history, slo) if bad else [],
    }


def _broken_by(history: History, slo: str) -> Sequence[Mapping[str, Any]]:
    """What has used the budget of the service. The metrics do not tell it for objectives of a route or of the team.

    A slow request of a route that has another latency objective, or none, is in the list as well.
    """
    counts: Bad = Counter()
    if slo == "availability":
        for key, count in _failed(history):
            counts[key] += int(count)
    elif slo == "latency":
        for key, count in _slow(history, history.value("slo_threshold_seconds", {"slo": slo}) or 0.0):
            counts[key] += int(count)
    return [
        {"route": route, "status": status, "count": count}
        for (route, status), count in counts.most_common(MOST_ROWS)
        if count > 0
    ]


def _failed(history: History) -> Iterator[tuple[Key, float]]:
    for labels in history.series(f"{_DURATION}_count"):
        if labels["error_type"] not in NOT_OURS:
            yield _key(labels), history.value(f"{_DURATION}_count", labels) or 0.0


def _slow(history: History, threshold: float) -> Iterator[tuple[Key, float]]:
    """All requests, and less those that took no longer than the threshold, which is an edge of a bucket."""
    for labels in history.series(f"{_DURATION}_bucket"):
        edge = float(labels["le"])
        if edge in {threshold, inf}:
            count = history.value(f"{_DURATION}_bucket", labels) or 0.0
            yield _key(labels), count if edge == inf else -count


def _key(labels: Labels) -> Key:
    return labels["http_route"], labels["http_response_status_code"]
