"""Fakes of a service's tests: another resource, another answer, and nothing patched."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient

from firstlight import Background, Check, Component, Service, Settings, Surroundings, create_app
from firstlight.components.http_client import HTTP_CLIENT
from firstlight.metrics.instruments import REGISTRY
from firstlight.testing import with_dependency, with_resource
from firstlight.testing.lines import Lines

from ..faults import IDENTITY

CALLS = "http_client_request_duration_seconds_count"


class ScalesSettings(Settings):
    """A setting without a default."""

    scales_url: str


class Scales:
    """What weighs."""

    def weigh(self) -> int:
        """In grams."""
        raise NotImplementedError


class Seven(Scales):
    """A fake."""

    def weigh(self) -> int:
        """Always the same."""
        return 7


@asynccontextmanager
async def open_scales(_: Surroundings[ScalesSettings]) -> AsyncIterator[Scales]:
    """Is never called here."""
    await refuse(None)
    yield Scales()


async def refuse(_: object) -> None:
    """Is never called here."""
    raise AssertionError


SCALES = Component(
    name="scales",
    settings=ScalesSettings,
    open=open_scales,
    requires=["power"],
    checks=lambda _: [Check("scales", lambda: refuse(None))],
    ready_to_start=refuse,
    background=[Background("calibrate", refuse)],
)


async def weigh(request: Request) -> Response:
    """Weigh once."""
    return JSONResponse(SCALES.of(request).weigh())


async def ask(request: Request) -> Response:
    """Ask both dependencies."""
    clients = HTTP_CLIENT.of(request)
    answers = [await clients[name].post("/v1/ask", json={"of": name}) for name in ("screening", "billing")]
    return JSONResponse([answer.text for answer in answers])


@pytest.fixture(scope="session")
def service() -> Service:
    """A service that calls two others, and weighs."""
    return Service(
        identity=IDENTITY, components=[HTTP_CLIENT, SCALES], routes=[Route("/weigh", weigh), Route("/ask", ask)]
    )


def echo(request: httpx2.Request) -> httpx2.Response:
    """Say what was asked, and with which id."""
    return httpx2.Response(200, text=f"{request.url} {request.content.decode()} {request.headers['x-request-id']}")


async def billing(request: Request) -> Response:
    """Play a dependency as an application."""
    return PlainTextResponse(f"billing {request.url.path}")


def test_a_resource_is_replaced(settings: Settings, service: Service, lines: Lines) -> None:
    """Neither settings, requirements, checks, conditions nor background work of the real one are left."""
    with TestClient(create_app(settings, with_resource(service, SCALES, Seven()), log_sink=lines)) as client:
        assert client.get("/weigh").json() == 7
    assert not lines.named("background.failed")


def test_a_dependency_is_played(settings: Settings, service: Service) -> None:
    """By a function and by an application, one call after the other; ids and metric are real, checks do not ask it."""
    faked = with_dependency(with_resource(service, SCALES, Seven()), "screening", echo)
    faked = with_dependency(
        faked, "billing", httpx2.ASGITransport(Starlette(routes=[Route("/v1/ask", billing, methods=["POST"])]))
    )
    others = {*_checks()}  # of applications before this one, in the same process
    with TestClient(create_app(settings, faked)) as client:
        before = REGISTRY.get_sample_value(CALLS, labels := _labels("200")) or 0
        answer = client.get("/ask", headers={"x-request-id": "one"})
        assert answer.json() == ['http://screening/v1/ask {"of":"screening"} one', "billing /v1/ask"]
        assert REGISTRY.get_sample_value(CALLS, labels) == before + 1
        assert not [name for name in {*_checks()} - others if name.startswith("http_client.")]


def test_a_dependency_that_is_down_is_played(settings: Settings, service: Service) -> None:
    """By what the function raises: clients see what they would see. A coroutine function does as well."""

    async def down(request: httpx2.Request) -> httpx2.Response:
        msg = "refused"
        raise httpx2.ConnectError(msg, request=request)

    faked = with_dependency(with_resource(service, SCALES, Seven()), "screening", down)
    with TestClient(create_app(settings, faked)) as client:
        assert client.get("/ask").status_code == 503


def test_what_is_not_there_is_named() -> None:
    """A test with a wrong name does not pass."""
    without = Service(identity=IDENTITY, components=[SCALES])
    with pytest.raises(LookupError, match=r"the service has no component http_client .*; its components: scales"):
        with_dependency(without, "screening", echo)


def _labels(status: str) -> dict[str, str]:
    return {
        "dependency": "screening",
        "http_request_method": "POST",
        "http_response_status_code": status,
        "error_type": "",
        "server_address": "screening",
        "server_port": "80",
    }


def _checks() -> list[str]:
    samples = [sample for family in REGISTRY.collect() for sample in family.samples]
    return [sample.labels["check"] for sample in samples if sample.name == "health_check_status"]
