"""A service with the development console, a slow and a failing route, and a component with a section."""

import os
import sys
import time

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from firstlight import Component, Identity, NoSettings, Section, Service, main, nothing


async def greet(_: Request) -> Response:
    """Answer at once."""
    return PlainTextResponse("hello")


async def fail(_: Request) -> Response:
    """Fail with an error that nobody expects."""
    msg = "the stamp is broken"
    raise RuntimeError(msg)


async def block(request: Request) -> Response:
    """Block the event loop for the seconds in the path."""
    time.sleep(float(request.path_params["seconds"]))  # noqa: ASYNC251 - that is the point
    return PlainTextResponse("blocked")


def drawer(_: None) -> Section:
    """A section with a number and a table."""
    table = {"title": "stamps", "columns": ["colour", "left"], "rows": [["red", 3]]}
    return Section("Drawer", lambda: {"values": {"pid": os.getpid()}, "tables": [table]})


SERVICE = Service(
    identity=Identity(name="shown", version="1.2.3"),
    components=[Component(name="drawer", settings=NoSettings, open=nothing, console=drawer)],
    routes=[
        Route("/greet/{name}", greet),
        Route("/fail", fail),
        Route("/block/{seconds}", block),
    ],
)

if __name__ == "__main__":
    sys.exit(main(SERVICE))
