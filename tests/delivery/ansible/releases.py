"""Releases to deploy after the first one, by the code that takes the place of the service's own page."""

from collections.abc import Mapping

from delivery.containers import Containers

PACKAGE = "/app/lib/python3.11/site-packages/acme_links"
MODULE = f"{PACKAGE}/service.py"

BETTER = """
from firstlight import Identity, Service
from firstlight.idempotency import IDEMPOTENCY

from .api import links

SERVICE = Service(identity=Identity.of(__package__), components=(IDEMPOTENCY, links.LINKS), routes=links.OPERATIONS)
"""

# Every fifth answer is a failure, on one host of two.
FAILING = """
import itertools
import socket

from firstlight import Identity, Service
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

numbers = itertools.count(1)


async def answer(_: Request) -> Response:
    if socket.gethostname() == "second" and next(numbers) % 5 == 0:
        raise RuntimeError("a bad release")
    return PlainTextResponse("good")


SERVICE = Service(identity=Identity.of(__package__), routes=[Route("/api/v1/links", answer)])
"""

# It waits for something when it starts, and never gets it.
UNREADY = """
from firstlight import Component, Identity, NoSettings, Service, nothing


async def never(_: None) -> None:
    raise TimeoutError("nobody answers")


DATABASE = Component(name="database", settings=NoSettings, open=nothing, ready_to_start=never)
SERVICE = Service(identity=Identity.of(__package__), components=[DATABASE])
"""

RELEASES = {"better": BETTER, "failing": FAILING, "unready": UNREADY}


def derive(containers: Containers, image: str, files: Mapping[str, str], tag: str, *options: str) -> None:
    """Put a layer with other code on an image. `files` are texts by their paths in the image."""
    context = containers.directory / tag.rpartition(":")[2]
    context.mkdir()
    lines = [f"FROM {image}"]
    for number, (path, text) in enumerate(files.items()):
        (context / f"{number}.py").write_text(text, encoding="utf-8")
        lines.append(f"COPY {number}.py {path}")
    (context / "Dockerfile").write_text("\n".join([*lines, ""]), encoding="utf-8")
    containers.buildah("build", "--quiet", "--format=docker", f"--tag={tag}", *options, str(context))
