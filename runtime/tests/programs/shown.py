"""A service with the development console, a slow and a failing route, and a component with a section and actions."""

import os
import sys
import threading
import time

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from firstlight import Action, Component, Identity, NoSettings, Section, Service, main, nothing


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


LEFT = {"red": 3}


def refill(_: threading.Event) -> str:
    """An action that works."""
    LEFT["red"] += 2
    return f"{LEFT['red']} red stamps are left."


def jam(_: threading.Event) -> str:
    """An action that fails."""
    msg = "the drawer is jammed"
    raise RuntimeError(msg)


def watch(ended: threading.Event) -> str:
    """An action that lasts until the process ends."""
    return "ended" if ended.wait(60) else "late"


def drawer(_: None) -> Section:
    """A section with a number, a table and buttons."""
    actions = {
        "refill": Action("Refill", refill, "Adds two red stamps."),
        "jam": Action("Jam", jam),
        "watch": Action("Watch", watch),
    }
    return Section("Drawer", _contents, actions)


def _contents() -> dict[str, object]:
    table = {"title": "stamps", "columns": ["colour", "left"], "rows": [[*each] for each in LEFT.items()]}
    return {"values": {"pid": os.getpid()}, "tables": [table]}


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
