"""The probes on the service port: only a status, and no telemetry."""

import asyncio

import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from starlette.responses import PlainTextResponse
from starlette.testclient import TestClient

from firstlight import Application
from firstlight.lifecycle import Lifecycle
from firstlight.management.health import PROBES
from firstlight.metrics.instruments import REGISTRY
from firstlight.testing.lines import Lines


@pytest.fixture
def lifecycle(app: Application) -> Lifecycle:
    """The lifecycle of a process that has not started."""
    return app.lifespan.lifecycle


@pytest.fixture
def probes(app: Application) -> TestClient:
    """A client of the probes, with another application behind them."""
    return TestClient(Application(PlainTextResponse("inner"), app.lifespan))


def test_answers_with_the_status_alone(probes: TestClient, lifecycle: Lifecycle) -> None:
    """503 or 200, without a body, never cached."""
    for started, statuses in ((False, [200, 503, 503]), (True, [200, 200, 200])):
        lifecycle.started = started
        responses = [probes.get(path) for path in ("/health/live", "/health/ready", "/health/startup")]
        assert [response.status_code for response in responses] == statuses
        assert {response.content for response in responses} == {b""}
        assert {response.headers["cache-control"] for response in responses} == {"no-store"}


def test_a_draining_process_is_live_but_not_ready(probes: TestClient, lifecycle: Lifecycle) -> None:
    """The same as on the management port."""
    lifecycle.started = True
    lifecycle.begin_drain()

    assert probes.get("/health/ready").status_code == 503
    assert probes.get("/health/live").status_code == 200


@pytest.mark.parametrize("path", ["/", "/health", "/health/", "/health/live/", "/health/other", "/metrics"])
def test_passes_other_paths_to_the_application(probes: TestClient, path: str) -> None:
    """Details and metrics are on the management port only."""
    assert probes.get(path).text == "inner"


def test_passes_websockets_to_the_application(app: Application) -> None:
    """Also on the path of a probe."""
    seen: list[str] = []

    async def inner(scope: object, receive: object, send: object) -> None:
        del receive, send
        assert isinstance(scope, dict)
        seen.append(scope["type"])

    scope = {"type": "websocket", "path": "/health/live"}
    asyncio.run(Application(inner, app.lifespan)(scope, None, None))  # type: ignore[arg-type] # never used

    assert seen == ["websocket"]


def test_leaves_no_telemetry(client: TestClient, lines: Lines, spans: InMemorySpanExporter) -> None:
    """No log line, no span and no latency."""

    def recorded() -> tuple[int, float]:
        samples = (sample for family in REGISTRY.collect() for sample in family.samples)
        counts = [s.value for s in samples if s.name == "http_server_request_duration_seconds_count"]
        return len(lines.named("http.request_finished")), sum(counts)

    before = recorded()
    responses = [client.get(path) for path in PROBES]

    assert [response.status_code for response in responses] == [200, 200, 200]
    assert recorded() == before
    assert spans.get_finished_spans() == ()
    assert all("x-request-id" not in response.headers for response in responses)
