"""The composition root creates every part, and opens none."""

import threading
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from pydantic import Field
from pydantic_settings import BaseSettings
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient

from firstlight import Application, Component, Objective, Service, Settings, SettingsError, Surroundings, create_app
from firstlight.metrics.instruments import REGISTRY
from firstlight.problems import ProblemResponse
from firstlight.testing.lines import Lines


class ScalesSettings(BaseSettings):
    """`SCALES_*`."""

    model_config = {"env_prefix": "scales_", "frozen": True}

    maximum: int = Field(5, ge=1)


class OverloadError(Exception):
    """An error of the component that handlers may get."""


async def _on_overload(_: Request, __: Exception) -> Response:
    return ProblemResponse(503, "Too heavy.")


@asynccontextmanager
async def _open(surroundings: Surroundings[ScalesSettings]) -> AsyncIterator[Mapping[str, int]]:
    yield {"maximum": surroundings.settings.maximum}


async def _weigh(request: Request) -> Response:
    if "heavy" in request.query_params:
        raise OverloadError
    return JSONResponse(SCALES.of(request))


SCALES = Component(
    name="scales",
    settings=ScalesSettings,
    open=_open,
    exception_handlers={OverloadError: _on_overload},
    routes=[Route("/scales", _weigh)],
)


@pytest.fixture
def weighing(service: Service) -> Service:
    """A service with one component, and with a route of its own that uses it."""
    return replace(service, components=[SCALES], routes=[Route("/weigh", _weigh)])


def test_a_handler_gets_the_resource_of_a_component(settings: Settings, weighing: Service, lines: Lines) -> None:
    """In a route of the service, and in one of the component."""
    with TestClient(create_app(settings, weighing, log_sink=lines)) as client:
        assert client.get("/weigh").json() == {"maximum": 5}
        assert client.get("/scales").json() == {"maximum": 5}


def test_exception_handlers_of_a_component_apply_to_the_service(
    settings: Settings, weighing: Service, lines: Lines
) -> None:
    """Also in routes of the service."""
    with TestClient(create_app(settings, weighing, log_sink=lines)) as client:
        response = client.get("/weigh?heavy")

    assert response.status_code == 503
    assert response.headers["content-type"] == "application/problem+json"


def test_a_component_reads_its_own_settings(
    settings: Settings, weighing: Service, lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From the environment. A bad value is refused like one of the service."""
    monkeypatch.setenv("SCALES_MAXIMUM", "9")
    with TestClient(create_app(settings, weighing, log_sink=lines)) as client:
        assert client.get("/weigh").json() == {"maximum": 9}

    monkeypatch.setenv("SCALES_MAXIMUM", "0")
    with pytest.raises(SettingsError, match=r"^SCALES_MAXIMUM must be greater than or equal to 1, not '0'$"):
        create_app(settings, weighing, log_sink=lines)


def test_creating_an_application_opens_nothing(settings: Settings, weighing: Service, lines: Lines) -> None:
    """Threads and ports are opened by the lifespan."""
    threads = threading.active_count()

    create_app(settings, weighing, log_sink=lines)

    assert threading.active_count() == threads
    assert lines.raw == []


def _objective(slo: str) -> float | None:
    return REGISTRY.get_sample_value("slo_objective_ratio", {"slo": slo})


def test_exports_the_objectives(settings: Settings, service: Service, lines: Lines) -> None:
    """Those of every service and those of the team, from the first scrape on."""
    service = replace(service, objectives=[Objective("weighing", 0.995)])

    create_app(settings.model_copy(update={"slo_availability": 0.9875}), service, log_sink=lines)

    assert _objective("availability") == 0.9875
    assert _objective("weighing") == 0.995


def test_refuses_a_threshold_the_histogram_cannot_count(settings: Settings, service: Service, lines: Lines) -> None:
    """Also in settings that do not come from the environment."""
    with pytest.raises(ValueError, match=r"^the objective latency must be a bucket of the latency histogram"):
        create_app(settings.model_copy(update={"slo_latency_seconds": 0.3}), service, log_sink=lines)


def test_the_name_may_come_from_the_environment(settings: Settings, service: Service, lines: Lines) -> None:
    """`OTEL_SERVICE_NAME` is the service in log lines."""
    settings = settings.model_copy(update={"otel_service_name": "renamed"})

    with TestClient(create_app(settings, service, log_sink=lines)):
        pass

    assert {line["service"] for line in lines.events} == {"renamed"}


def test_two_applications_share_no_routes(settings: Settings, service: Service, lines: Lines) -> None:
    """A change of one does not affect the other."""
    first, second = (_objects(create_app(settings, service, log_sink=lines)) for _ in range(2))

    assert len(first) > len(service.routes)
    assert not first.keys() & second.keys()


def _objects(app: Application) -> dict[int, Any]:
    """The ids of the nested applications and their routes."""
    seen: dict[int, Any] = {}
    inner: Any = app
    while inner is not None:
        seen[id(inner)] = inner
        seen |= {id(route): route for route in getattr(inner, "routes", ())}
        inner = getattr(inner, "app", None) or getattr(inner, "_app", None)
    return seen
