# mypy: disable-error-code="import-not-found"
"""The emitted service with what the benchmark adds to it: a route, and `BENCH_SERIES` series of a histogram."""

import os
from dataclasses import replace

from acme_links.service import SERVICE as EMITTED
from firstlight import REGISTRY
from firstlight.metrics.instruments import LATENCY_BUCKETS_SECONDS
from prometheus_client import Histogram

from .items import ITEMS

SERIES_PER_CHILD = len(LATENCY_BUCKETS_SECONDS) + 3  # and +Inf, sum, count


def add_series(wanted: int) -> None:
    """Fill a histogram with at least so many series."""
    histogram = Histogram("bench_seconds", "Many series.", ("number",), registry=REGISTRY)
    for number in range(-(-wanted // SERIES_PER_CHILD)):
        histogram.labels(f"{number}").observe(number / 100)


SERVICE = replace(EMITTED, routes=(*EMITTED.routes, *ITEMS))
add_series(int(os.environ.get("BENCH_SERIES", "0")))
