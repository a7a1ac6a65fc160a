"""The conditions of alerts, as functions of a threshold and a history. They approximate the rules in `alerts/`."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from .history import History, Labels
from .thresholds import (
    DROPPED,
    FLAP_STEP,
    FLAPPING_SHARE,
    FLAPS,
    LAG_QUANTILE,
    LAGGING,
    LEAST_SHED,
    NOT_READY,
    QUEUED,
    SHED,
    STOPPED,
    TIERS,
    Threshold,
    Tier,
)

EVENTS = "slo_events_total"


class Reading(NamedTuple):
    """One value, what it is about, and whether it meets the condition. `limit` is None for that of the threshold."""

    threshold: Threshold
    labels: Labels
    value: float
    met: bool
    limit: float | None = None


def read(history: History, now: float, factor: float) -> Iterator[Reading]:
    """A reading of every condition, with windows that are shortened by `factor`. `now` is Unix time."""
    for tier in TIERS:
        yield from burning(tier, history, factor)
    yield from not_ready(history, factor)
    yield from lagging(history, factor)
    yield from dropped(history, factor)
    yield from shed(history, factor)
    yield from queued(history, factor)
    yield from stopped(history, now, factor)


def burning(tier: Tier, history: History, factor: float) -> Iterator[Reading]:
    """For each objective: the burn rate in the short window."""
    for labels in history.series("slo_objective_ratio"):
        slo = labels["slo"]
        short, _ = burn_rate(history, slo, tier.window / factor)
        long, bad = burn_rate(history, slo, tier.long / factor)
        outright = tier.outright is not None and short > tier.outright
        met = short > tier.limit and (long > tier.limit or outright) and bad >= tier.least
        yield Reading(tier, {"slo": slo, "burn": tier.burn}, short, met)


def burn_rate(history: History, slo: str, seconds: float) -> tuple[float, float]:
    """How many times too fast the budget was spent, and the number of bad events. Both 0 without events."""
    objective = history.value("slo_objective_ratio", {"slo": slo})
    bad = history.increase(EVENTS, {"slo": slo, "outcome": "bad"}, seconds)
    total = bad + history.increase(EVENTS, {"slo": slo, "outcome": "good"}, seconds)
    return (bad / total / (1 - objective) if objective is not None and total else 0.0), bad


def not_ready(history: History, factor: float) -> Iterator[Reading]:
    """1 while ready. There is one instance, so that the share of ready ones is 0 or 1."""
    ready = history.value("service_ready", {})
    if ready is None:
        return
    seen = [each == 0 for each in history.values("service_ready", {}, NOT_READY.window / factor, FLAP_STEP / factor)]
    changes = sum(one != other for one, other in pairwise(seen))
    flaps = changes > FLAPS and sum(seen) / len(seen) > FLAPPING_SHARE
    yield Reading(NOT_READY, {}, ready, ready == 0 or flaps)


def lagging(history: History, factor: float) -> Iterator[Reading]:
    """The quantile of the event loop's lag, in seconds."""
    name = "event_loop_lag_seconds_bucket"
    seconds = LAGGING.window / factor
    edges = sorted({float(labels["le"]): labels["le"] for labels in history.series(name)}.items())
    counts = [(edge, history.increase(name, {"le": label}, seconds)) for edge, label in edges]
    if counts and counts[-1][1] > 0:
        lag = quantile(LAG_QUANTILE, counts)
        yield Reading(LAGGING, {}, lag, lag > LAGGING.limit)


def quantile(share: float, counts: Sequence[tuple[float, float]]) -> float:
    """The quantile of a histogram with cumulated `counts` by upper edge, interpolated as Prometheus does."""
    rank = share * counts[-1][1]
    lower, below = 0.0, 0.0
    for edge, count in counts[:-1]:
        if count >= rank:
            return lower + (edge - lower) * (rank - below) / (count - below) if count > below else edge
        lower, below = edge, count
    return lower


def dropped(history: History, factor: float) -> Iterator[Reading]:
    """For each signal and reason: the number that was lost."""
    name = "telemetry_dropped_total"
    for labels in history.series(name):
        lost = history.increase(name, labels, DROPPED.window / factor)
        yield Reading(DROPPED, labels, lost, lost >= DROPPED.limit)


def shed(history: History, factor: float) -> Iterator[Reading]:
    """The share of requests that were shed."""
    seconds = SHED.window / factor
    refused = history.increase("http_server_shed_requests_total", {}, seconds)
    total = history.increase(EVENTS, {"slo": "availability"}, seconds)
    share = refused / total if total else 0.0
    yield Reading(SHED, {}, share, share > SHED.limit and refused >= LEAST_SHED)


def queued(history: History, factor: float) -> Iterator[Reading]:
    """The mean share of the accept queue that is full."""
    most = history.value("http_server_accept_queue_max_connections", {})
    waiting = history.values("http_server_accept_queue_connections", {}, QUEUED.window / factor, 1)
    if most and waiting:
        share = sum(waiting) / len(waiting) / most
        yield Reading(QUEUED, {}, share, share > QUEUED.limit)


def stopped(history: History, now: float, factor: float) -> Iterator[Reading]:
    """For each task that repeats: the seconds since its last success."""
    for labels in history.series("background_interval_seconds"):
        interval = history.value("background_interval_seconds", labels)
        success = history.value("background_last_success_timestamp_seconds", labels)
        if interval is not None and success is not None:
            limit = STOPPED.limit * interval + STOPPED.window / factor
            yield Reading(STOPPED, labels, now - success, now - success > limit, limit)
