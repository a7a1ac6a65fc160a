# mypy: disable-error-code="import-not-found"
"""What the benchmark adds to the emitted service, the way the service's own tests add their routes."""

import asyncio
import os
from contextvars import ContextVar

from acme_links import api
from acme_links.observability.metrics import LATENCY_BUCKETS_SECONDS, REGISTRY
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


ROUTES: list[BaseRoute] = [*ITEMS, Route("/slow", slow), Route("/context", context)]


def add() -> None:
    """Add the routes, and `BENCH_SERIES` series of a histogram."""
    ordinary = api.routes
    api.routes = lambda: [*ordinary(), *ROUTES]
    wanted = int(os.environ.get("BENCH_SERIES", "0"))
    histogram = Histogram("bench_seconds", "Many series.", ("number",), registry=REGISTRY)
    for number in range(-(-wanted // SERIES_PER_CHILD)):
        histogram.labels(f"{number}").observe(number / 100)
