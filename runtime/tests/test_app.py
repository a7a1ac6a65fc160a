"""The composition root puts everything together, and opens nothing."""

import platform
import threading
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
from pydantic import Field
from pydantic_settings import BaseSettings
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient
from starlette.types import ASGIApp

from firstlight import api
from firstlight import app as root
from firstlight.app import create_app
from firstlight.components import COMPONENTS
from firstlight.component import Component
from firstlight.problems import ProblemResponse
from firstlight.management.health import Check
from firstlight.metrics.instruments import REGISTRY
from firstlight.settings import Settings, SettingsError

if TYPE_CHECKING:
    from .conftest import Lines


class ScalesSettings(BaseSettings):
    """`SCALES_*`."""

    model_config = {"env_prefix": "scales_", "frozen": True}

    maximum: int = Field(5, ge=1)


class OverloadError(Exception):
    """What the component's users may meet."""


async def _on_overload(_: Request, __: Exception) -> Response:
    return ProblemResponse(503, "Too heavy.")


@asynccontextmanager
async def _open(settings: ScalesSettings) -> AsyncIterator[Mapping[str, int]]:
    yield {"maximum": settings.maximum}


def _checks(_: object) -> Sequence[Check]:
    return ()


SCALES = Component(
    name="scales",
    settings=ScalesSettings,
    open=_open,
    checks=_checks,
    exception_handlers={OverloadError: _on_overload},
)


async def _weigh(request: Request) -> Response:
    if "heavy" in request.query_params:
        raise OverloadError
    return JSONResponse(request.state.scales)


@pytest.fixture
def _scales(monkeypatch: pytest.MonkeyPatch) -> None:
    """One more component, and a route that uses it."""
    monkeypatch.setattr(root, "COMPONENTS", (*COMPONENTS, SCALES))
    monkeypatch.setattr(api, "routes", lambda: [Route("/weigh", _weigh)])


@pytest.mark.usefixtures("_scales")
def test_a_handler_finds_each_component_in_its_state(settings: Settings, lines: "Lines") -> None:
    """The component's name is the key."""
    del lines
    with TestClient(create_app(settings)) as client:
        assert client.get("/weigh").json() == {"maximum": 5}


@pytest.mark.usefixtures("_scales")
def test_a_component_says_what_its_errors_mean(settings: Settings, lines: "Lines") -> None:
    """Its exception handlers are the service's."""
    del lines
    with TestClient(create_app(settings)) as client:
        response = client.get("/weigh?heavy")

    assert response.status_code == 503
    assert response.headers["content-type"] == "application/problem+json"


@pytest.mark.usefixtures("_scales")
def test_a_component_reads_its_own_settings(
    settings: Settings, lines: "Lines", monkeypatch: pytest.MonkeyPatch
) -> None:
    """From the environment, refused as the service's own are."""
    del lines
    monkeypatch.setenv("SCALES_MAXIMUM", "9")
    with TestClient(create_app(settings)) as client:
        assert client.get("/weigh").json() == {"maximum": 9}

    monkeypatch.setenv("SCALES_MAXIMUM", "0")
    with pytest.raises(SettingsError, match=r"^SCALES_MAXIMUM must be greater than or equal to 1, not '0'$"):
        create_app(settings)


def test_opens_nothing(settings: Settings, lines: "Lines") -> None:
    """Threads and ports wait for the lifespan, so that importing or building the application costs nobody anything."""
    threads = threading.active_count()

    create_app(settings)

    assert threading.active_count() == threads
    assert lines == []


def test_publishes_what_runs_here(settings: Settings, lines: "Lines") -> None:
    """`build_info` joins the service's metrics with its release."""
    del lines
    create_app(settings.model_copy(update={"revision": "0a1b2c3"}))

    labels = {"version": settings.version, "revision": "0a1b2c3", "python_version": platform.python_version()}
    assert REGISTRY.get_sample_value("build_info", labels) == 1


def test_publishes_the_objectives(settings: Settings, lines: "Lines") -> None:
    """They are there from the first scrape."""
    del lines
    create_app(settings.model_copy(update={"slo_availability": 0.9875}))

    assert REGISTRY.get_sample_value("slo_objective_ratio", {"slo": "availability", "le": ""}) == 0.9875


def test_refuses_a_threshold_the_histogram_cannot_count(settings: Settings, lines: "Lines") -> None:
    """Whoever embeds the application is told as well."""
    del lines
    with pytest.raises(SettingsError, match="SLO_LATENCY_SECONDS"):
        create_app(settings.model_copy(update={"slo_latency_seconds": 0.3}))


def test_two_applications_share_no_routes(settings: Settings, lines: "Lines") -> None:
    """What one stores the other does not know: tests and embedders get a fresh one each time."""
    del lines
    first, second = (_routes_of(create_app(settings)) for _ in range(2))

    assert not first & second


def _routes_of(app: ASGIApp) -> set[int]:
    seen = set()
    inner: object = app
    while (outer := inner) is not None:
        seen.add(id(outer))
        seen |= {id(route) for route in getattr(outer, "routes", ())}
        inner = getattr(outer, "app", None)
    return seen
