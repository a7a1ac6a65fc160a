# mypy: disable-error-code="import-not-found"
"""The emitted service with what the benchmark adds to it: a route, and `BENCH_SERIES` series of a histogram."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

from acme_links.api.links.store import LINKS, MemoryLinks
from acme_links.service import LIMITS as DECLARED
from acme_links.service import SERVICE as EMITTED
from firstlight import REGISTRY
from firstlight.metrics.instruments import LATENCY_BUCKETS_SECONDS
from firstlight.rate_limits import rate_limits
from prometheus_client import Histogram

from .items import ITEMS

SERIES_PER_CHILD = len(LATENCY_BUCKETS_SECONDS) + 3  # and +Inf, sum, count


def add_series(wanted: int) -> None:
    """Fill a histogram with at least so many series."""
    histogram = Histogram("bench_seconds", "Many series.", ("number",), registry=REGISTRY)
    for number in range(-(-wanted // SERIES_PER_CHILD)):
        histogram.labels(f"{number}").observe(number / 100)


@asynccontextmanager
async def _large_store(_: object) -> AsyncIterator[MemoryLinks]:
    """A store that is not full after all requests of a run."""
    yield MemoryLinks(max_links=10_000_000, max_characters=10_000_000_000)


# As many limits as the service has, none of which a run reaches: a refusal costs less than a response.
LIMITS = [replace(limit, rate="1000000/second", burst=None) for limit in DECLARED]
COMPONENTS = {LINKS.name: replace(LINKS, open=_large_store), "rate_limits": rate_limits(*LIMITS)}
SERVICE = replace(
    EMITTED,
    routes=(*EMITTED.routes, *ITEMS),
    components=[COMPONENTS.get(component.name, component) for component in EMITTED.components],
)
add_series(int(os.environ.get("BENCH_SERIES", "0")))
