"""Clients, receivers and processes for the tests of a running service."""

import gzip
import http.client
import http.server
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path
from typing import IO, NamedTuple, Self
from urllib.parse import urlsplit

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from firstlight.testing import ServiceProcess
from firstlight.testing.environment import variables
from firstlight.testing.process import DEFAULTS

from ..conftest import FAULTS, TIMEOUT_SECONDS
from ..faults import SERVICE
from ..ports import free_port

POLL_SECONDS = 0.01
BLOCKED_SECONDS = 15.0  # liveness gives the loop 5; the rest is for a machine that is busy
LINES = 25_000  # more than the queue and the pipe hold
SHUTDOWN_SECONDS = 10.0  # whatever hangs, a stopped service is gone by then

Start = Callable[..., ServiceProcess]


class Reply(NamedTuple):
    """One response."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Wire:
    """A connection on the level of bytes: pipelined or malformed requests, and clients that close early."""

    def __init__(self, url: str) -> None:
        """Connect."""
        address = urlsplit(url)
        self.socket = socket.create_connection((address.hostname, address.port), TIMEOUT_SECONDS)
        self.file = self.socket.makefile("rb")

    def __enter__(self) -> Self:
        """It is connected already."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the connection."""
        self.file.close()
        self.socket.close()

    def send(self, *requests: bytes) -> None:
        """Send requests in one write."""
        self.socket.sendall(b"".join(requests))

    def head(self) -> Reply:
        """The head of the next response."""
        status = self.file.readline().split(b" ", 2)
        assert len(status) > 1, "the server closed the connection"
        headers = {}
        while line := self.file.readline().strip():
            name, _, value = line.decode("latin-1").partition(":")
            headers[name.lower()] = value.strip()
        return Reply(int(status[1]), headers, b"")

    def receive(self) -> Reply:
        """The next response, which must have a `Content-Length`."""
        head = self.head()
        return head._replace(body=self.file.read(int(head.headers.get("content-length", 0))))


def request(target: str, method: str = "GET", /, **headers: str) -> bytes:
    """The bytes of one request. Underscores in header names become hyphens."""
    lines = [f"{method} {target} HTTP/1.1", "host: test", *(f"{k.replace('_', '-')}: {v}" for k, v in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def ask(url: str, target: str, **headers: str) -> Reply:
    """Send one request on a new connection: cheaper than a client, so that the time is that of the server."""
    address = urlsplit(url)
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=TIMEOUT_SECONDS)
    try:
        connection.request("GET", target, headers={k.replace("_", "-"): v for k, v in headers.items()})
        response = connection.getresponse()
        return Reply(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())
    finally:
        connection.close()


def wait_until(holds: Callable[[], object], seconds: float = TIMEOUT_SECONDS) -> None:
    """Call `condition` until it is true, or fail after a timeout."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"{holds} did not become true in {seconds} s"
        time.sleep(POLL_SECONDS)


def samples(management_url: str, name: str) -> list[Sample]:
    """The samples with this name in one scrape."""
    lines = ask(management_url, "/metrics").body.decode().splitlines(keepends=True)
    text = "".join(line for line in lines if line.startswith(name))
    found = (sample for family in text_string_to_metric_families(text) for sample in family.samples)
    return [sample for sample in found if sample.name == name]


def metric(management_url: str, name: str, **labels: str) -> float:
    """The sum of the samples with this name and these labels."""
    return sum(sample.value for sample in samples(management_url, name) if labels.items() <= sample.labels.items())


class Receiver(http.server.ThreadingHTTPServer):
    """A collector or tracker. `answer` returns the status of each response, and may block."""

    def __init__(self, answer: Callable[[], int]) -> None:
        """Start to receive."""
        super().__init__(("127.0.0.1", 0), _Reception)
        self.answer = answer
        self.bodies: list[bytes] = []
        self.url = f"http://127.0.0.1:{self.server_port}"
        self._thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": POLL_SECONDS}, daemon=True)
        self._thread.start()

    def handle_error(self, request: object, client_address: object) -> None:
        """Write nothing when a client closes early."""

    def close(self) -> None:
        """Stop."""
        self.shutdown()
        self.server_close()
        self._thread.join()

    @property
    def spans(self) -> list[Span]:
        """The received bodies, decoded as OTLP."""
        resources = [each for body in self.bodies for each in ExportTraceServiceRequest.FromString(body).resource_spans]
        return [span for resource in resources for scope in resource.scope_spans for span in scope.spans]


class _Reception(http.server.BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        if self.headers.get("content-encoding") == "gzip":
            body = gzip.decompress(body)
        self.server.bodies.append(body)
        self.send_response(self.server.answer())
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Write nothing."""


class UnreadProcess:
    """A service whose standard output is not read. `ServiceProcess` reads it and expects JSON."""

    def __init__(self, stdout: int | IO[bytes], environment: Mapping[str, str], program: Path = FAULTS) -> None:
        """Start it on free ports."""
        inherited = {name: value for name, value in os.environ.items() if name not in variables(SERVICE)}
        port, management_port = free_port(), free_port()
        self.url = f"http://127.0.0.1:{port}"
        self.management_url = f"http://127.0.0.1:{management_port}"
        ports = {"PORT": str(port), "MANAGEMENT_PORT": str(management_port)}
        self.process = subprocess.Popen(  # noqa: S603 - the service under test
            [sys.executable, str(program)],
            env={**inherited, "DRAIN_SECONDS": DEFAULTS["DRAIN_SECONDS"], **ports, **environment},
            stdout=stdout,
            stderr=subprocess.PIPE,
        )

    def started(self) -> Self:
        """Wait until it serves."""
        wait_until(lambda: answers(self.management_url, "/health/ready") == http.HTTPStatus.OK)
        return self

    def terminate(self) -> int:
        """Send SIGTERM and wait for the end. Returns the exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(TIMEOUT_SECONDS)

    def close(self) -> None:
        """Kill the process and close its files."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        for stream in (self.process.stdout, self.process.stderr):
            if stream is not None:
                stream.close()


def in_flight(service: ServiceProcess | UnreadProcess, requests: int) -> None:
    """Wait until this number of requests is in progress."""
    wait_until(lambda: metric(service.management_url, "http_server_active_requests") == requests)


def answers(url: str, target: str) -> int:
    """The status code, or 0 if the connection is refused."""
    try:
        return ask(url, target).status
    except OSError:
        return 0


@pytest.fixture
def launch() -> Iterator[Callable[..., UnreadProcess]]:
    """Start services whose standard output is not read."""
    services: list[UnreadProcess] = []

    def start(stdout: int | IO[bytes], program: Path = FAULTS, **environment: str) -> UnreadProcess:
        services.append(UnreadProcess(stdout, environment, program))
        return services[-1].started()

    yield start
    for service in services:
        service.close()


@pytest.fixture(scope="session")
def receive() -> Iterator[Callable[..., Receiver]]:
    """Receive telemetry on a free port."""
    with ExitStack() as stack:

        def start(answer: Callable[[], int] = lambda: 200) -> Receiver:
            receiver = Receiver(answer)
            stack.callback(receiver.close)
            return receiver

        yield start


@pytest.fixture(scope="session")
def quiet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[UnreadProcess, Path]]:
    """A service that logs only warnings and samples no request, with its log file."""
    path = tmp_path_factory.mktemp("quiet") / "stdout"
    with path.open("wb") as stdout:
        service = UnreadProcess(stdout, {"LOG_LEVEL": "warning", "LOG_FORMAT": "json", "OTEL_TRACES_SAMPLER_ARG": "0"})
    with closing(service.started()):
        yield service, path


@pytest.fixture(scope="session")
def collector(receive: Callable[..., Receiver]) -> Receiver:
    """The receiver of the spans of `running`."""
    return receive()


@pytest.fixture(scope="session")
def running(collector: Receiver) -> Iterator[ServiceProcess]:
    """One process for all tests that change neither its settings nor its state. All requests are sampled."""
    environment = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url, "OTEL_BSP_SCHEDULE_DELAY": "50"}
    with closing(ServiceProcess([str(FAULTS)], environment, without=variables(SERVICE))) as process:
        yield process.started()
        assert process.terminate() == 0
        assert process.error == ""


class Probe(NamedTuple):
    """The duration and the status of one probe."""

    seconds: float
    status: int


class Blocked(NamedTuple):
    """The responses of a service while its event loop was blocked."""

    probes: list[Probe]
    ready: int
    gauge: float
    beats_later_than_5_seconds: float


def _block() -> Blocked:
    service = UnreadProcess(subprocess.DEVNULL, {})
    probes: list[Probe] = []

    def probe() -> int:
        began = time.perf_counter()
        status = ask(service.management_url, "/health/live").status
        probes.append(Probe(time.perf_counter() - began, status))
        return status

    with closing(service.started()), ThreadPoolExecutor() as pool:
        probe()
        blocked = pool.submit(ask, service.url, f"/faults/block?seconds={BLOCKED_SECONDS}")
        in_flight(service, 1)
        wait_until(lambda: probe() == http.HTTPStatus.SERVICE_UNAVAILABLE)
        ready = ask(service.management_url, "/health/ready").status
        gauge = metric(service.management_url, "service_ready")
        assert not blocked.done()
        wait_until(lambda: probe() == http.HTTPStatus.OK)
        assert blocked.result().status == http.HTTPStatus.OK
        wait_until(lambda: _late(service) > 0)
        return Blocked(probes, ready, gauge, _late(service))


def _late(service: UnreadProcess) -> float:
    buckets = samples(service.management_url, "event_loop_lag_seconds_bucket")
    beats = {bucket.labels["le"]: bucket.value for bucket in buckets}
    return beats["+Inf"] - beats["5.0"]


class Stuck(NamedTuple):
    """The behaviour of a service while nobody read its standard output."""

    dropped: float
    statuses: list[int]
    dropped_after: float
    exit_status: int
    shutdown_seconds: float


def _stick() -> Stuck:
    service = UnreadProcess(subprocess.PIPE, {})
    dropped = {"name": "telemetry_dropped_total", "signal": "logs", "reason": "queue_full"}
    with closing(service.started()):
        ask(service.url, f"/faults/write?lines={LINES}")
        in_flight(service, 0)  # its own line has been dropped as well
        before = metric(service.management_url, **dropped)
        statuses = [ask(service.url, "/faults/none").status for _ in range(10)]
        in_flight(service, 0)
        after = metric(service.management_url, **dropped)
        began = time.monotonic()
        return Stuck(before, statuses, after - before, service.terminate(), time.monotonic() - began)


@pytest.fixture(scope="session")
def long_waits() -> Iterator[ThreadPoolExecutor]:
    """A thread pool for waits that run beside other tests."""
    with ThreadPoolExecutor() as pool:
        yield pool


@pytest.fixture(scope="session")
def blocked(long_waits: ThreadPoolExecutor) -> Future[Blocked]:
    """A service whose event loop is blocked for some seconds."""
    return long_waits.submit(_block)


@pytest.fixture(scope="session")
def stuck(long_waits: ThreadPoolExecutor) -> Future[Stuck]:
    """A service with a full pipe as standard output, until it is stopped."""
    return long_waits.submit(_stick)


@pytest.fixture(scope="session", autouse=True)
def _begin_long_waits(request: pytest.FixtureRequest) -> None:
    """Start waits of several seconds first, if a test of this run needs them."""
    wanted = {name for item in request.session.items for name in getattr(item, "fixturenames", ())}
    for name in {"blocked", "stuck"} & wanted:
        request.getfixturevalue(name)
