"""A receiver of OTLP over HTTP that reads what it gets."""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest, ExportLogsServiceResponse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric

from firstlight.testing.process import TIMEOUT_SECONDS

READ: Mapping[str, Callable[[bytes], Any]] = {
    "/v1/traces": ExportTraceServiceRequest.FromString,
    "/v1/logs": ExportLogsServiceRequest.FromString,
    "/v1/metrics": ExportMetricsServiceRequest.FromString,
}
REJECTING: Mapping[str, Callable[[int], bytes]] = {
    "/v1/logs": lambda number: ExportLogsServiceResponse(
        partial_success={"rejected_log_records": number}  # type: ignore[arg-type] # a mapping is one as well
    ).SerializeToString(),
    "/v1/metrics": lambda number: ExportMetricsServiceResponse(
        partial_success={"rejected_data_points": number}  # type: ignore[arg-type] # as above
    ).SerializeToString(),
}


class Receiver(ThreadingHTTPServer):
    """Reads each export by its path, and answers with `status`. It rejects `rejected` items of each."""

    daemon_threads = False  # closing waits for them

    def __init__(self) -> None:
        """Listen on a free port."""
        super().__init__(("127.0.0.1", 0), _Reception)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.status, self.rejected = 200, 0
        self.exports: list[tuple[str, Mapping[str, str], Any]] = []
        self.arrived = threading.Condition()
        self.held = threading.Event()
        self.held.set()
        self._thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self._thread.start()

    def handle_error(self, request: object, client_address: object) -> None:
        """Write nothing when a client gives up."""

    def wait_for(self, holds: Callable[[], object]) -> None:
        """Wait for exports."""
        with self.arrived:
            assert self.arrived.wait_for(holds, TIMEOUT_SECONDS), [path for path, *_ in self.exports]

    def of(self, signal: str) -> Sequence[Any]:
        """The exports of a signal."""
        return [export for path, _, export in self.exports if path == f"/v1/{signal}"]

    @property
    def records(self) -> Sequence[LogRecord]:
        """All log records in the order of their arrival."""
        return [r for each in self.of("logs") for x in each.resource_logs for y in x.scope_logs for r in y.log_records]

    @property
    def metrics(self) -> Mapping[str, Metric]:
        """The metrics of the last export, by name."""
        (of_resource,) = self.of("metrics")[-1].resource_metrics
        return {metric.name: metric for scope in of_resource.scope_metrics for metric in scope.metrics}

    def close(self) -> None:
        """Stop."""
        self.held.set()
        self.shutdown()
        self._thread.join()
        self.server_close()


class _Reception(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        """Take one export."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        with self.server.arrived:
            self.server.exports.append((self.path, headers, READ[self.path](body)))
            self.server.arrived.notify_all()
        self.server.held.wait(TIMEOUT_SECONDS)
        answer = REJECTING[self.path](self.server.rejected) if self.server.rejected else b""
        self.send_response(self.server.status)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name in the base class
        """Write nothing."""


@pytest.fixture(scope="module")
def receive() -> Iterator[Callable[[], Receiver]]:
    """Start receivers, which end with the tests."""
    made: list[Receiver] = []

    def start() -> Receiver:
        made.append(Receiver())
        return made[-1]

    yield start
    for receiver in made:
        receiver.close()


@pytest.fixture
def receiver(receive: Callable[[], Receiver], monkeypatch: pytest.MonkeyPatch) -> Receiver:
    """A receiver at the endpoint of the standard variables."""
    made = receive()
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", made.url)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    return made
