# mypy: disable-error-code="import-not-found"
"""The emitted service with what the benchmark adds to it: routes, and `BENCH_SERIES` series of a histogram."""

import asyncio
import os
from contextvars import ContextVar
from dataclasses import replace

from acme_links.service import SERVICE as EMITTED
from firstlight import REGISTRY
from firstlight.metrics.instruments import LATENCY_BUCKETS_SECONDS
from prometheus_client import Histogram
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import BaseRoute, Route

from .items import ITEMS

SERIES_PER_CHILD = len(LATENCY_BUCKETS_SECONDS) + 3  # and +Inf, sum, count
MARK: ContextVar[str] = ContextVar("mark", default="")


async def slow(request: Request) -> JSONResponse:
    """Answer late."""
    await asyncio.sleep(float(request.query_params["seconds"]))
    return JSONResponse({"slow": True})


async def context(_: Request) -> JSONResponse:
    """Say whether another request's context is visible here, and leave a mark for the next to find."""
    clean = MARK.get() == ""
    MARK.set("left by another request")
    return JSONResponse({"clean": clean})


def add_series(wanted: int) -> None:
    """Fill a histogram with at least so many series."""
    histogram = Histogram("bench_seconds", "Many series.", ("number",), registry=REGISTRY)
    for number in range(-(-wanted // SERIES_PER_CHILD)):
        histogram.labels(f"{number}").observe(number / 100)


ROUTES: list[BaseRoute] = [*ITEMS, Route("/slow", slow), Route("/context", context)]
SERVICE = replace(EMITTED, routes=(*EMITTED.routes, *ROUTES))
add_series(int(os.environ.get("BENCH_SERIES", "0")))
