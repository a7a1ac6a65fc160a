"""Fakes for the tests of a service: they replace resources and answers without patches."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

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
    """The real resource."""

    def weigh(self) -> int:
        """The weight in grams."""
        raise NotImplementedError


class Seven(Scales):
    """A fake of the resource."""

    def weigh(self) -> int:
        """Always the same weight."""
        return 7


@asynccontextmanager
async def open_scales(_: Surroundings[ScalesSettings]) -> AsyncIterator[Scales]:
    """Must not be called here."""
    await refuse(None)
    yield Scales()


async def refuse(_: object) -> None:
    """Must not be called here."""
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
    """Call both dependencies."""
    clients = HTTP_CLIENT.of(request)
    answers = [await clients[name].post("/v1/ask", json={"of": name}) for name in ("screening", "billing")]
    return JSONResponse([answer.text for answer in answers])


@pytest.fixture(scope="session")
def service() -> Service:
    """A service that calls two others, and uses a resource."""
    return Service(
        identity=IDENTITY, components=[HTTP_CLIENT, SCALES], routes=[Route("/weigh", weigh), Route("/ask", ask)]
    )


def echo(request: httpx2.Request) -> httpx2.Response:
    """Answer with the path and the request id."""
    return httpx2.Response(200, text=f"{request.url} {request.content.decode()} {request.headers['x-request-id']}")


async def billing(request: Request) -> Response:
    """A dependency as an application."""
    return PlainTextResponse(f"billing {request.url.path}")


def test_a_resource_is_replaced(settings: Settings, service: Service, lines: Lines) -> None:
    """Settings, requirements, checks, conditions and background work of the real one are removed."""
    with TestClient(create_app(settings, with_resource(service, SCALES, Seven()), log_sink=lines)) as client:
        assert client.get("/weigh").json() == 7
    assert not lines.named("background.failed")


def test_a_dependency_is_replaced(settings: Settings, service: Service) -> None:
    """By a function and by an application. Ids and metric are real, and checks do not call it."""
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


def test_a_dependency_that_is_down_is_simulated(settings: Settings, service: Service) -> None:
    """By an error that the function raises. It may be a coroutine function."""

    async def down(request: httpx2.Request) -> httpx2.Response:
        msg = "refused"
        raise httpx2.ConnectError(msg, request=request)

    faked = with_dependency(with_resource(service, SCALES, Seven()), "screening", down)
    with TestClient(create_app(settings, faked)) as client:
        assert client.get("/ask").status_code == 503


def test_an_unknown_name_raises_lookup_error() -> None:
    """A test with a wrong name must not pass."""
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


def test_a_response_in_place_of_a_function_is_refused(service: Service) -> None:
    """Otherwise each call would end with a `TypeError` inside of the library."""
    answer: Any = httpx2.Response(200)
    with pytest.raises(TypeError, match="screening must be answered by a function, such as lambda request"):
        with_dependency(service, "screening", answer)
