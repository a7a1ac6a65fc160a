"""A 5xx that a handler made of an error leaves its reason in the access event."""

import pytest
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient

from firstlight import REGISTRY, Component, NoSettings, Service, Settings, create_app, nothing
from firstlight.problems import InsufficientStorageError, NotFoundError, UnavailableError
from firstlight.testing.lines import Lines

from ..faults import IDENTITY


class ScalesError(Exception):
    """What a component raises, and answers for."""


class RefusedError(ConnectionRefusedError):
    """What a driver raises."""

    def __str__(self) -> str:
        """Tell a secret."""
        return "password=hunter2"


async def unavailable(_: Request) -> Response:
    """Fail because of something else."""
    try:
        raise RefusedError
    except OSError as error:
        msg = "The scales cannot be reached."
        raise UnavailableError(msg) from error


async def gateway(_: Request) -> Response:
    """Raise a 5xx of Starlette."""
    raise HTTPException(502, "bad scales")


async def missing(_: Request) -> Response:
    """The client's mistake."""
    raise NotFoundError


async def full(_: Request) -> Response:
    """A limit is reached."""
    raise InsufficientStorageError


async def component(_: Request) -> Response:
    """Raise an error of a component."""
    raise ScalesError("jammed")  # noqa: EM101 - short


def answer(_: Request, __: Exception) -> Response:
    """A handler that is a plain function."""
    return PlainTextResponse("jammed", 503)


ROUTES = [Route(f"/{handler.__name__}", handler) for handler in (unavailable, gateway, missing, full, component)]
SCALES = Component(name="scales", settings=NoSettings, open=nothing, exception_handlers={ScalesError: answer})


@pytest.fixture
def client(settings: Settings, lines: Lines) -> TestClient:
    """A client of a service with these routes."""
    return TestClient(
        create_app(settings, Service(identity=IDENTITY, components=[SCALES], routes=ROUTES), log_sink=lines)
    )


@pytest.mark.parametrize(
    ("path", "status", "reason"),
    [
        (
            "/unavailable",
            503,
            "UnavailableError: The scales cannot be reached. <- RefusedError: password=REDACTED",
        ),
        ("/gateway", 502, "HTTPException: 502: bad scales"),
        ("/component", 503, "ScalesError: jammed"),
    ],
)
def test_the_reason_is_in_the_event(client: TestClient, lines: Lines, path: str, status: int, reason: str) -> None:
    """With its causes and without secrets."""
    assert client.get(path).status_code == status

    (line,) = lines.named("http.request_finished")
    assert line["reason"] == reason
    assert not lines.named("http.request_failed")


def test_what_the_client_did_wrong_needs_no_reason(client: TestClient, lines: Lines) -> None:
    """The status says it."""
    assert client.get("/missing").status_code == 404

    (line,) = lines.named("http.request_finished")
    assert "reason" not in line


def _count(metric: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(metric, labels) or 0


def test_a_full_store_is_no_failure_of_the_service(client: TestClient, lines: Lines) -> None:
    """Clients that fill it do not use up the error budget. It is a security event instead."""
    availability = {"slo": "availability"}
    bad = _count("slo_events_total", outcome="bad", **availability)
    good = _count("slo_events_total", outcome="good", **availability)
    reached = _count("security_events_total", event="capacity_reached")

    assert client.post("/full").status_code == 405
    assert client.get("/full").status_code == 507

    (*_, line) = lines.named("http.request_finished")
    assert (line["error_type"], line["level"], line["reason"]) == ("", "info", "InsufficientStorageError")
    assert _count("slo_events_total", outcome="bad", **availability) == bad
    assert _count("slo_events_total", outcome="good", **availability) == good + 2
    assert _count("security_events_total", event="capacity_reached") == reached + 1
