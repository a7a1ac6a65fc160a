"""Rules for objectives: they must be measurable, and an alert must be possible."""

import re
from decimal import Decimal

from .contract import FASTEST_BURN_RATE, LATENCY_BUCKETS_MS

LOWEST_OBJECTIVE = Decimal("0.9")


def wrong_availability(answer: str) -> str | None:
    """Refuse an answer that is no ratio, or whose error budget cannot burn fast enough to page."""
    objective = Decimal(answer) if re.fullmatch(r"0\.[0-9]{1,9}", answer) else Decimal(0)
    if not LOWEST_OBJECTIVE < objective < 1:
        return f"slo_availability {answer!r} must be a ratio between 0.9 and 1, such as 0.999."
    if FASTEST_BURN_RATE * (1 - objective) >= 1:
        return (
            f"slo_availability {answer!r} is too low: the alert that pages at {FASTEST_BURN_RATE} times the error "
            "budget could not fire even if every request failed; take 0.931 or more."
        )
    return None


def wrong_latency(answer: str) -> str | None:
    """Refuse a threshold between two buckets of the histogram."""
    if answer in map(str, LATENCY_BUCKETS_MS):
        return None
    if not re.fullmatch("[0-9]{1,9}", answer):
        return f"slo_latency_ms {answer!r} must be a whole number of milliseconds, such as 250."
    below = [bucket for bucket in LATENCY_BUCKETS_MS if bucket < int(answer)][-1:]
    above = [bucket for bucket in LATENCY_BUCKETS_MS if bucket > int(answer)][:1]
    near = " or ".join(f"{bucket}" for bucket in below + above)
    return f"slo_latency_ms {answer!r} is not a bucket of the latency histogram, so it cannot be measured; take {near}."
