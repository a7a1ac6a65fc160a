"""Validates objectives: alerts must be able to fire, and the histogram must be able to measure the threshold."""

from typing import Annotated

from pydantic import AfterValidator

from ..metrics.instruments import LATENCY_BUCKETS_SECONDS

FASTEST_BURN_RATE = 14.4  # the P1 tier: 2 % of a 30 day budget in an hour (Google SRE workbook, chapter 5)


def can_alert(objective: float) -> float:
    """Return the objective. Raises `ValueError` if the fastest alert could not fire for it."""
    if not (0 < objective < 1 and FASTEST_BURN_RATE * (1 - objective) < 1):
        msg = f"must be a ratio below 1 and above {1 - 1 / FASTEST_BURN_RATE:.4f}, or its fastest alert cannot fire"
        raise ValueError(msg)
    return objective


def is_bucket(seconds: float) -> float:
    """Return the threshold. Raises `ValueError` if it is not a bucket of the latency histogram."""
    if seconds not in LATENCY_BUCKETS_SECONDS:
        buckets = ", ".join(map(str, LATENCY_BUCKETS_SECONDS))
        msg = f"must be a bucket of the latency histogram ({buckets})"
        raise ValueError(msg)
    return seconds


Ratio = Annotated[float, AfterValidator(can_alert)]
Threshold = Annotated[float, AfterValidator(is_bucket)]
