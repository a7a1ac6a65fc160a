"""What an objective must be, so that alerts can hold it and the histogram can measure it."""

from typing import Annotated

from pydantic import AfterValidator

from ..metrics.instruments import LATENCY_BUCKETS_SECONDS

FASTEST_BURN_RATE = 14.4  # the P1 tier: 2 % of a 30 day budget in an hour (Google SRE workbook, chapter 5)


def can_alert(objective: float) -> float:
    """The objective itself. Raises `ValueError` for one that no rule could alert on."""
    if not (0 < objective < 1 and FASTEST_BURN_RATE * (1 - objective) < 1):
        msg = f"must be a ratio below 1 and above {1 - 1 / FASTEST_BURN_RATE:.4f}, or its fastest alert cannot fire"
        raise ValueError(msg)
    return objective


def is_bucket(seconds: float) -> float:
    """The threshold itself. Raises `ValueError` for one between the buckets of the latency histogram."""
    if seconds not in LATENCY_BUCKETS_SECONDS:
        buckets = ", ".join(map(str, LATENCY_BUCKETS_SECONDS))
        msg = f"must be a bucket of the latency histogram ({buckets})"
        raise ValueError(msg)
    return seconds


Ratio = Annotated[float, AfterValidator(can_alert)]
Threshold = Annotated[float, AfterValidator(is_bucket)]
