"""The management port answers, whatever its other clients do."""

import socket
import struct
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx2
import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families
from prometheus_client.parser import text_string_to_metric_families as parse_text
from starlette.testclient import TestClient

from firstlight.lifecycle import Lifecycle
from firstlight.management.health import PROBES, Health
from firstlight.management.listener import Listener
from firstlight.testing.lines import Lines

OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"
PROMETHEUS_2 = (
    "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
    "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
)
PROMETHEUS_3 = (
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
    "application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,"
    "text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
)
DETAILS = {"serviceId": "sample", "version": "1.2.3"}

Start = Callable[..., Listener]


@pytest.fixture
def lifecycle() -> Lifecycle:
    """A process that has started."""
    lifecycle = Lifecycle()
    lifecycle.started = True
    return lifecycle


@pytest.fixture
def health(lifecycle: Lifecycle) -> Health:
    """An instance that has started."""
    return Health(lifecycle)


@pytest.fixture
def start(health: Health) -> Iterator[Start]:
    """Start listeners; each stops with the test."""
    listeners: list[Listener] = []

    def start(host: str = "127.0.0.1", port: int = 0) -> Listener:
        listener = Listener(health, host, port, DETAILS)
        listeners.append(listener)
        listener.start()
        return listener

    yield start
    for listener in listeners:
        listener.stop()


@pytest.fixture
def manage(start: Start) -> Iterator[httpx2.Client]:
    """A client of one listener."""
    with httpx2.Client(base_url=f"http://127.0.0.1:{start().port}", timeout=5) as client:
        yield client


def test_answers_each_probe(manage: httpx2.Client, lifecycle: Lifecycle) -> None:
    """Status for machines, one word for people."""
    for started, status, word in ((True, 200, "pass"), (False, 503, "fail")):
        lifecycle.started = started
        for path in ("/health/ready", "/health/startup"):
            response = manage.get(path)
            assert response.status_code == status
            assert response.json() == {"status": word}
        assert manage.get("/health/live").status_code == 200


def test_answers_with_the_details(manage: httpx2.Client, health: Health, lifecycle: Lifecycle) -> None:
    """The state of the instance, and whose it is."""
    response = manage.get("/health")

    assert response.status_code == 200
    assert response.headers["content-type"] == "application/health+json"
    document = response.json()
    assert document.keys() >= health.details().keys()
    assert document["status"] == "pass"
    assert document.items() >= DETAILS.items()

    lifecycle.begin_drain()
    assert manage.get("/health").status_code == 503


def test_knows_no_other_page(manage: httpx2.Client) -> None:
    """404 names the pages there are."""
    for path in ("/", "/metrics/", "/health/live/", "/favicon.ico"):
        response = manage.get(path)
        assert response.status_code == 404
        assert response.json() == {"paths": ["/metrics", *PROBES, "/health"]}


def test_a_page_is_never_cached(manage: httpx2.Client) -> None:
    """A proxy that stores one would hide the next."""
    for path in (*PROBES, "/health"):
        assert manage.get(path).headers["cache-control"] == "no-store"


@pytest.mark.parametrize("path", [*PROBES, "/health", "/metrics", "/nowhere"])
def test_head_is_get_without_the_body(manage: httpx2.Client, path: str) -> None:
    """Load balancers that probe by HEAD see the same status (RFC 9110)."""
    response = manage.head(path)

    assert response.status_code == manage.get(path).status_code
    assert response.content == b""
    assert response.headers["content-type"]


@pytest.mark.parametrize("accept", [PROMETHEUS_2, PROMETHEUS_3])
def test_prometheus_gets_openmetrics_with_exemplars(
    client: TestClient, manage: httpx2.Client, lines: Lines, accept: str
) -> None:
    """An exemplar leads from a bucket to a trace; the strict parser reads all of it."""
    client.get("/nowhere")

    response = manage.get("/metrics", headers={"Accept": accept})

    assert response.headers["content-type"].startswith(OPENMETRICS)
    families = {family.name: family for family in text_string_to_metric_families(response.text)}  # type: ignore[no-untyped-call]
    samples = families["http_server_request_duration_seconds"].samples
    exemplars = {sample.exemplar.labels["trace_id"] for sample in samples if sample.exemplar}
    (line,) = lines.named("http.request_finished")
    assert line["trace_id"] in exemplars


@pytest.mark.parametrize("accept", [None, "*/*", "text/plain", "text/html,application/xhtml+xml"])
def test_every_other_client_gets_plain_text(manage: httpx2.Client, accept: str | None) -> None:
    """The format that every tool reads."""
    manage.headers.pop("accept")
    response = manage.get("/metrics", headers={"Accept": accept} if accept else {})

    assert response.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert "service_ready" in {family.name for family in parse_text(response.text)}


def test_answers_many_at_once(manage: httpx2.Client) -> None:
    """Two Prometheus servers, a person and the kubelet do not queue."""
    with ThreadPoolExecutor(20) as pool:
        statuses = list(pool.map(lambda _: manage.get("/metrics").status_code, range(20)))

    assert statuses == [200] * 20


def test_a_slow_client_delays_nobody(start: Start) -> None:
    """Half a request occupies one thread, not the port."""
    port = start().port
    with socket.create_connection(("127.0.0.1", port)) as slow:
        slow.sendall(b"GET /metrics HT")
        assert httpx2.get(f"http://127.0.0.1:{port}/health/live", timeout=5).status_code == 200


def test_a_client_that_leaves_prints_nothing(start: Start, capsys: pytest.CaptureFixture[str]) -> None:
    """Resets, silence and nonsense leave no thread, and nothing on standard error, where nobody parses it."""
    port = start().port
    before = threading.active_count()
    for sent in (b"", b"GET /metr", b"nonsense\r\n\r\n"):
        leaving = socket.create_connection(("127.0.0.1", port))
        leaving.sendall(sent)
        leaving.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # close by a reset
        leaving.close()
    assert httpx2.get(f"http://127.0.0.1:{port}/health/live").status_code == 200
    for thread in threading.enumerate():
        if "process_request_thread" in thread.name:
            thread.join(5)

    assert threading.active_count() <= before
    assert capsys.readouterr().err == ""


def test_listens_on_ipv6(start: Start) -> None:
    """Where the machine has it."""
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("no IPv6 here")

    assert httpx2.get(f"http://[::1]:{start('::1').port}/health/live").status_code == 200


def test_refuses_a_port_in_use(start: Start) -> None:
    """At once, and not when the first scrape fails."""
    with pytest.raises(OSError, match="in use"):
        start(port=start().port)


def test_frees_its_port(start: Start) -> None:
    """The next process can have it immediately, although clients have just been served."""
    first = start()
    for _ in range(3):
        httpx2.get(f"http://127.0.0.1:{first.port}/health/live")

    first.stop()
    with pytest.raises(httpx2.ConnectError):
        httpx2.get(f"http://127.0.0.1:{first.port}/health/live")

    assert httpx2.get(f"http://127.0.0.1:{start(port=first.port).port}/health/live").status_code == 200


def test_stops_without_having_started(health: Health) -> None:
    """A start that failed in between leaves the port free, too."""
    listener = Listener(health, "127.0.0.1", 0, DETAILS)

    listener.stop()

    Listener(health, "127.0.0.1", listener.port, DETAILS).stop()
