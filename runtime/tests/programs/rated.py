"""A service with rate limits: few requests of each client, and fewer changes."""

import sys

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from firstlight import Identity, Operation, Service, main
from firstlight.rate_limits import Limit, rate_limits


async def read(_: Request) -> Response:
    """Read."""
    return PlainTextResponse("read")


async def write(request: Request) -> Response:
    """Read the body."""
    return PlainTextResponse(str(len(await request.body())))


LIMITS = (
    Limit(name="requests", rate="20/2 seconds"),
    Limit(name="changes", rate="1/second", by="caller", methods=("POST",)),
)
SERVICE = Service(
    identity=Identity(name="rated", version="1.2.3", title="Rated", description="A service for tests.", team="tests"),
    components=[rate_limits(*LIMITS)],
    routes=[
        Operation(method="GET", path="/items", handler=read),
        Operation(method="POST", path="/items", handler=write),
    ],
)

if __name__ == "__main__":
    sys.exit(main(SERVICE))
