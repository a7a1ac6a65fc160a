"""A service that calls a second one. Tests run it as a real process."""

import asyncio
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import httpx2
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from firstlight import Check, Component, Identity, NoSettings, Service, Surroundings, main
from firstlight.components.http_client import HTTP_CLIENT
from firstlight.problems import NotFoundError

TIMEOUT_SECONDS = 0.05
CHECK_SECONDS = 0.1


class DepotError(Exception):
    """An error that no handler expects."""


async def relay(request: Request) -> Response:
    """Call the second service as often, and with the method, as the query says."""
    query, client = request.query_params, HTTP_CLIENT.of(request)["behind"]
    answers = [
        await client.request(query.get("method", "GET"), f"/{request.path_params['path']}")
        for _ in range(int(query.get("calls", "1")))
    ]
    return PlainTextResponse(" ".join(str(answer.status_code) for answer in answers))


async def follow(request: Request) -> Response:
    """Follow a redirect."""
    answer = await HTTP_CLIENT.of(request)["behind"].get("/redirect", follow_redirects=True)
    return PlainTextResponse(str(answer.status_code))


async def give_up(request: Request) -> Response:
    """Cancel a call after a short time."""
    try:
        async with asyncio.timeout(TIMEOUT_SECONDS):
            await HTTP_CLIENT.of(request)["behind"].get("/hang")
    except TimeoutError:
        return PlainTextResponse("gave up")
    return PlainTextResponse("answered")


async def item(request: Request) -> Response:
    """Answer, refuse or fail, by the name of the item."""
    name = request.path_params["name"]
    if name == "missing":
        raise NotFoundError
    if name == "broken":
        msg = "on demand"
        raise DepotError(msg)
    return PlainTextResponse(name)


async def own_id(_: Request) -> Response:
    """Set the request id header, which the platform also sets."""
    return PlainTextResponse("", headers={"X-Request-Id": "own"})


@asynccontextmanager
async def open_depot(surroundings: Surroundings[NoSettings]) -> AsyncIterator[httpx2.AsyncClient]:
    """The client of the second service."""
    yield HTTP_CLIENT.of(surroundings)["behind"]


def checks(client: httpx2.AsyncClient) -> Sequence[Check]:
    """A check of the team with the client of its handlers."""
    return [Check("depot", lambda: client.get("/checked"), interval_seconds=CHECK_SECONDS)]


DEPOT = Component(name="depot", settings=NoSettings, open=open_depot, requires=["http_client"], checks=checks)
SERVICE = Service(
    identity=Identity(
        name="relay",
        version="1.2.3",
        title="Relay",
        description="A service for the tests of the runtime.",
        owner="Team Sample",
        defaults={"slo_availability": 0.999, "slo_latency": 0.99, "slo_latency_seconds": 0.25},
    ),
    components=[HTTP_CLIENT, DEPOT],
    routes=[
        Route("/relay/{path:path}", relay, methods=["GET", "POST"]),
        Route("/follow", follow),
        Route("/give-up", give_up),
        Route("/items/{name}", item),
        Route("/own-id", own_id),
    ],
)

if __name__ == "__main__":
    sys.exit(main(SERVICE))
