"""A dependency that is slow, broken, hanging or refusing, without a network: the policies are those of real calls."""

from typing import Any

import httpx2
import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient

from firstlight import Service, Settings, create_app
from firstlight.components.http_client import HTTP_CLIENT, Dependency, Retries, http_client
from firstlight.testing import with_dependency
from firstlight.testing.dependencies import broken, hanging, in_turn, refusing, slow

from ..faults import IDENTITY

FINE = httpx2.Response(200, json={"verdict": "fine"})
POLICY = Dependency("screening", total_seconds=0.3, retries=Retries(attempts=2, first_seconds=0.001))


async def ask(request: Request) -> Response:
    """Ask the dependency."""
    response = await HTTP_CLIENT.of(request)["screening"].get("/v1/verdicts")
    return JSONResponse(response.json(), response.status_code)


SERVICE = Service(identity=IDENTITY, components=[http_client(POLICY)], routes=[Route("/ask", ask)])


@pytest.mark.parametrize(
    ("behaviour", "status"),
    [
        (refusing, 503),
        (hanging, 503),
        (broken(), 503),
        (slow(FINE, seconds=0.01), 200),
        (slow(FINE, seconds=5), 503),
        (in_turn(httpx2.ConnectError("refused"), FINE), 200),
        (in_turn(broken(b"{"), FINE), 200),
        (in_turn(httpx2.Response(503), slow(FINE, seconds=0)), 200),
        (in_turn(refusing, lambda _: FINE), 200),
    ],
)
def test_the_service_answers_as_its_policies_say(behaviour: Any, status: int, settings: Settings) -> None:
    """A retry helps where the second attempt succeeds; nothing takes longer than the deadline. No address is needed."""
    with TestClient(create_app(settings, with_dependency(SERVICE, "screening", behaviour))) as client:
        for _ in range(2):
            response = client.get("/ask")
            assert response.status_code == status
    assert response.json().get("verdict", "fine") == "fine"
