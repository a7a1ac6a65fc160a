"""A service that opens every descriptor that it may have, on request."""

import asyncio
import os
import resource
import sys
from contextlib import suppress

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from firstlight import Identity, Service, main


async def take(request: Request) -> Response:
    """Hold all descriptors for some seconds."""
    held: list[int] = []
    with suppress(OSError):
        while True:
            held.append(os.open(os.devnull, os.O_RDONLY))
    await asyncio.sleep(float(request.query_params["seconds"]))
    for descriptor in held:
        os.close(descriptor)
    return PlainTextResponse(str(len(held)))


IDENTITY = Identity(
    name="sample",
    version="1.2.3",
    title="Sample",
    description="A service for the tests of the runtime.",
    owner="Team Sample",
    defaults={"slo_availability": 0.999, "slo_latency": 0.99, "slo_latency_seconds": 0.25},
)

if __name__ == "__main__":
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (int(os.environ["DESCRIPTORS"]), hard))
    sys.exit(main(Service(identity=IDENTITY, routes=[Route("/take", take)])))
