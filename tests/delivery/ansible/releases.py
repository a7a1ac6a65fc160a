"""Releases to deploy after the first one, by the code that takes the place of the service's own routes."""

MODULE = "/app/lib/python3.11/site-packages/acme_links/api/__init__.py"

BETTER = """
from starlette.routing import BaseRoute

from . import links


def routes() -> list[BaseRoute]:
    return links.routes()
"""

# Every fifth answer is a failure.
FAILING = """
import itertools

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

numbers = itertools.count(1)


async def answer(_: Request) -> Response:
    if next(numbers) % 5 == 0:
        raise RuntimeError("a bad release")
    return PlainTextResponse("good")


def routes() -> list[BaseRoute]:
    return [Route("/api/v1/links", answer)]
"""

# It waits for something when it starts, and never gets it.
UNREADY = """
import time

from starlette.routing import BaseRoute


def routes() -> list[BaseRoute]:
    while True:
        time.sleep(1)
"""

RELEASES = {"better": BETTER, "failing": FAILING, "unready": UNREADY}
