"""The fixtures of the pytest plug-in."""

from collections.abc import Callable

from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from starlette.testclient import TestClient

from firstlight.testing import ServiceProcess
from firstlight.testing.lines import Lines

from .conftest import FAULTS


def test_the_client_reaches_the_application(client: TestClient, lines: Lines, spans: InMemorySpanExporter) -> None:
    """One request causes one line and one span."""
    assert client.get("/faults/none").text == "none"
    assert len(lines.named("http.request_finished")) == 1
    assert [span.name for span in spans.get_finished_spans()] == ["GET /faults/none"]


def test_a_process_serves_and_drains(serve: Callable[..., ServiceProcess]) -> None:
    """A real process answers on both ports and ends with status 0."""
    process = serve(str(FAULTS)).started()
    assert process.get("/faults/none").text == "none"
    assert process.manage("/health/ready").status_code == 200
    assert process.terminate() == 0
