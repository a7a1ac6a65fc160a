"""The management port answers, whatever its other clients do."""

import socket
import struct
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx2
import pytest
from prometheus_client import Gauge
from prometheus_client.openmetrics.parser import text_string_to_metric_families
from prometheus_client.parser import text_string_to_metric_families as parse_text
from starlette.testclient import TestClient

from firstlight.lifecycle import Lifecycle
from firstlight.management.health import PROBES, Health
from firstlight.management.listener import Listener
from firstlight.management.protocol import Limits
from firstlight.metrics.instruments import REGISTRY
from firstlight.testing.lines import Lines

from ..process.conftest import wait_until
from .conftest import DETAILS, Start

DESCRIPTORS = Path("/proc/self/fd")
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


@pytest.fixture
def manage(start: Start) -> Iterator[httpx2.Client]:
    """A client of one listener."""
    with httpx2.Client(base_url=f"http://127.0.0.1:{start().port}", timeout=5) as client:
        yield client


def test_answers_each_probe(manage: httpx2.Client, lifecycle: Lifecycle) -> None:
    """With a status, and a body of one word."""
    for started, status, word in ((True, 200, "pass"), (False, 503, "fail")):
        lifecycle.started = started
        for path in ("/health/ready", "/health/startup"):
            response = manage.get(path)
            assert response.status_code == status
            assert response.json() == {"status": word}
        assert manage.get("/health/live").status_code == 200


def test_answers_with_the_details(manage: httpx2.Client, health: Health, lifecycle: Lifecycle) -> None:
    """The state of the instance, and its identity."""
    response = manage.get("/health")

    assert response.status_code == 200
    assert response.headers["content-type"] == "application/health+json"
    document = response.json()
    assert document.keys() >= health.details().keys()
    assert document["status"] == "pass"
    assert document.items() >= DETAILS.items()

    lifecycle.begin_drain()
    assert manage.get("/health").status_code == 503


def test_answers_404_for_other_paths(manage: httpx2.Client) -> None:
    """The body names the existing paths."""
    for path in ("/", "/metrics/", "/health/live/", "/favicon.ico"):
        response = manage.get(path)
        assert response.status_code == 404
        assert response.json() == {"paths": ["/metrics", *PROBES, "/health"]}


def test_a_page_is_never_cached(manage: httpx2.Client) -> None:
    """A stored response would hide the next state."""
    for path in (*PROBES, "/health"):
        assert manage.get(path).headers["cache-control"] == "no-store"


@pytest.mark.parametrize("path", [*PROBES, "/health", "/metrics", "/nowhere"])
def test_head_is_get_without_the_body(manage: httpx2.Client, path: str) -> None:
    """Load balancers that probe with HEAD get the same status (RFC 9110)."""
    response = manage.head(path)

    whole = manage.get(path)
    assert response.status_code == whole.status_code
    assert response.content == b""
    assert response.headers["content-type"] == whole.headers["content-type"]
    length = int(response.headers["content-length"])
    if path in {"/metrics", "/health"}:  # they change with time
        assert length > 100
    else:
        assert length == len(whole.content)


@pytest.mark.parametrize("accept", [PROMETHEUS_2, PROMETHEUS_3])
def test_prometheus_gets_openmetrics_with_exemplars(
    client: TestClient, manage: httpx2.Client, lines: Lines, accept: str
) -> None:
    """The strict parser reads the whole page, and an exemplar has a trace id."""
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
    """The format that every tool can read."""
    manage.headers.pop("accept")
    response = manage.get("/metrics", headers={"Accept": accept} if accept else {})

    assert response.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert "service_ready" in {family.name for family in parse_text(response.text)}


def test_answers_many_at_once(manage: httpx2.Client) -> None:
    """Prometheus servers, people and the kubelet do not wait for each other."""
    with ThreadPoolExecutor(20) as pool:
        statuses = list(pool.map(lambda _: manage.get("/metrics").status_code, range(20)))

    assert statuses == [200] * 20


def test_a_slow_client_delays_no_other(start: Start) -> None:
    """A partial request occupies only its own connection."""
    port = start().port
    with socket.create_connection(("127.0.0.1", port)) as slow:
        slow.sendall(b"GET /metrics HT")
        assert httpx2.get(f"http://127.0.0.1:{port}/health/live", timeout=5).status_code == 200


def test_a_client_that_leaves_prints_nothing(start: Start, capsys: pytest.CaptureFixture[str]) -> None:
    """Resets, silence and malformed requests neither end a thread nor write to standard error."""
    port = start().port
    before = threading.active_count()
    for sent in (b"", b"GET /metr", b"nonsense\r\n\r\n", b"GET /metrics HTTP/1.1\r\n\r\n"):
        leaving = socket.create_connection(("127.0.0.1", port))
        leaving.sendall(sent)
        leaving.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # close by a reset
        leaving.close()
    assert httpx2.get(f"http://127.0.0.1:{port}/metrics").status_code == 200

    assert threading.active_count() == before
    assert capsys.readouterr().err == ""


def test_listens_on_ipv6(start: Start) -> None:
    """If the machine has IPv6."""
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("no IPv6 here")

    assert httpx2.get(f"http://[::1]:{start('::1').port}/health/live").status_code == 200


def test_refuses_a_port_in_use(start: Start) -> None:
    """The constructor raises, so that the start fails."""
    with pytest.raises(OSError, match="in use"):
        start(port=start().port)


def test_frees_its_port(start: Start) -> None:
    """The next process can bind it at once, although clients were connected."""
    first = start()
    for _ in range(3):
        httpx2.get(f"http://127.0.0.1:{first.port}/health/live")

    first.stop()
    with pytest.raises(httpx2.ConnectError):
        httpx2.get(f"http://127.0.0.1:{first.port}/health/live")

    assert httpx2.get(f"http://127.0.0.1:{start(port=first.port).port}/health/live").status_code == 200


def test_stops_without_having_started(health: Health) -> None:
    """A start that fails before `start` also frees the port."""
    listener = Listener(health, "127.0.0.1", 0, DETAILS)

    listener.stop()

    Listener(health, "127.0.0.1", listener.port, DETAILS).stop()


def test_stops_at_once_and_leaves_nothing(health: Health) -> None:
    """With clients in every state. No thread and no descriptor is left."""
    threads, descriptors = threading.active_count(), list(DESCRIPTORS.iterdir())
    listener = Listener(health, "127.0.0.1", 0, DETAILS)
    listener.start()
    url = f"http://127.0.0.1:{listener.port}"
    with httpx2.Client() as idle, socket.create_connection(("127.0.0.1", listener.port)) as slow:
        assert idle.get(f"{url}/metrics").status_code == 200
        slow.sendall(b"GET /metrics HT")
        began = time.monotonic()
        listener.stop()
        assert time.monotonic() - began < 0.5
        assert slow.recv(100) == b""

    wait_until(lambda: threading.active_count() == threads)
    assert list(DESCRIPTORS.iterdir()) == descriptors


@pytest.mark.parametrize(
    "accept",
    [
        "text/plain;version=a.b.c",
        "text/plain;version=",
        "application/openmetrics-text;version=a",
        "application/openmetrics-text;version=1.x",
        "application/openmetrics-text;version=+9.9",
        "application/openmetrics-text;version=1_0.0;escaping=\xe9",
        "text/plain;version==;;;,,,/;q=",
        ";",
        "\xff\xfe",
        "a" * 8000,
    ],
)
def test_a_bad_accept_header_gets_the_text_format(manage: httpx2.Client, accept: str) -> None:
    """For every kind of invalid header."""
    headers = {"Accept": accept.encode("latin-1"), "Accept-Encoding": b"\xff;q=x, gzip"}
    response = manage.get("/metrics?name[]=", headers=headers)  # type: ignore[arg-type] # bytes, on purpose

    assert response.status_code == 200
    assert response.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert "content-encoding" not in response.headers
    assert "service_ready" in {family.name for family in parse_text(response.text)}


@pytest.mark.parametrize("query", ["name[]=", "name[]=%ff%00&name[]", "&&=&", "name[]=service_ready&name[]=none", "%"])
def test_a_bad_query_is_answered(manage: httpx2.Client, query: str) -> None:
    """`name[]` selects samples, as in every exporter of the client library."""
    response = manage.get(f"/metrics?{query}")

    assert response.status_code == 200
    if "service_ready" in query:
        assert [family.name for family in parse_text(response.text)] == ["service_ready"]


def left_out() -> float:
    """The number of collectors and families that were left out of `/metrics`."""
    value = REGISTRY.get_sample_value("telemetry_dropped_total", {"signal": "metrics", "reason": "not_rendered"})
    assert value is not None
    return value


def test_a_collector_that_hangs_delays_no_probe(start: Start) -> None:
    """The scrape gets 503 in time, probes are answered before it, and the next scrape is served."""
    released, entered = threading.Event(), threading.Event()

    def hang() -> float:
        entered.set()
        released.wait(20)
        return 1

    gauge = Gauge("hanging", "Waits for a server that is gone.", registry=REGISTRY)
    gauge.set_function(hang)
    url = f"http://127.0.0.1:{start(limits=Limits(request_seconds=2)).port}"
    before = left_out()
    try:
        with ThreadPoolExecutor() as pool:
            scrape = pool.submit(httpx2.get, f"{url}/metrics", timeout=20)
            assert entered.wait(20)
            assert httpx2.get(f"{url}/health/live").status_code == 200
            assert not scrape.done()
            assert scrape.result().status_code == 503
            assert left_out() == before + 1
            released.set()
            assert httpx2.get(f"{url}/metrics").status_code == 200
    finally:
        released.set()
        REGISTRY.unregister(gauge)
