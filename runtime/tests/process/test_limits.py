"""Limits on clients of the service port, in a real process with short time limits."""

import http.client
import json
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
import pytest

from firstlight.testing import ServiceProcess
from firstlight.testing.environment import variables

from ..conftest import PROGRAMS, TIMEOUT_SECONDS
from ..faults import SERVICE
from .conftest import Wire, ask, metric, request, wait_until

LIMITED = PROGRAMS / "limited.py"
HEAD_BYTES = 65_536
HEAD_SECONDS, BODY_SECONDS, WRITE_SECONDS, KEEP_ALIVE_SECONDS = 0.6, 0.8, 0.8, 1.0
SWEEPS_SECONDS = 5.0  # deadlines are looked at twice a second; the rest is for a machine that is busy
CHUNKED = b"POST /size HTTP/1.1\r\nhost: test\r\ntransfer-encoding: chunked\r\n\r\n"
DEADLINES = {
    "HEAD_SECONDS": str(HEAD_SECONDS),
    "BODY_SECONDS": str(BODY_SECONDS),
    "WRITE_SECONDS": str(WRITE_SECONDS),
    "KEEP_ALIVE_SECONDS": str(KEEP_ALIVE_SECONDS),
}
SMALL_BUFFER = 4096
FEW = 20


@contextmanager
def started(**environment: str) -> Iterator[ServiceProcess]:
    """A process that must end with status 0."""
    with closing(ServiceProcess([str(LIMITED)], environment, without=variables(SERVICE))) as process:
        yield process.started()
        assert process.terminate() == 0
        assert process.error == ""


@pytest.fixture(scope="module")
def hasty() -> Iterator[ServiceProcess]:
    """A service with short time limits."""
    with started(**DEADLINES) as process:
        yield process


@pytest.fixture(scope="module")
def usual() -> Iterator[ServiceProcess]:
    """A service with the default limits."""
    with started() as process:
        yield process


@pytest.fixture(scope="module")
def small() -> Iterator[ServiceProcess]:
    """A service with few connections."""
    with started(MAX_CONNECTIONS=str(FEW), BODY_SECONDS="30") as process:
        yield process


def refusals(service: ServiceProcess, reason: str) -> float:
    """The number of refusals of the service port for this reason."""
    labels = {"listener": "service", "reason": reason}
    return metric(service.management_url, "http_server_refusals_total", **labels)


@contextmanager
def refuses(service: ServiceProcess, reason: str, times: int = 1) -> Iterator[None]:
    """Expect so many refusals for this reason, and none for others."""

    def every() -> float:
        return metric(service.management_url, "http_server_refusals_total")

    before, all_before = refusals(service, reason), every()
    yield
    wait_until(lambda: refusals(service, reason) - before >= times)
    assert (refusals(service, reason) - before, every() - all_before) == (times, times)


def until_closed(wire: Wire, began: float) -> tuple[float, bytes]:
    """Read until the server closes. Returns when it did, and the bytes before."""
    said = b""
    try:
        while data := wire.socket.recv(65_536):
            said += data
    except ConnectionError:
        pass
    return time.monotonic() - began, said


def drip(wire: Wire, data: bytes, seconds: float) -> bytes:
    """Send byte by byte until the server closes. Returns the bytes it sent."""
    for byte in data:
        try:
            wire.socket.sendall(bytes([byte]))
        except ConnectionError:
            break
        wire.socket.settimeout(seconds)
        try:
            if said := wire.socket.recv(65_536):
                return said
            break
        except TimeoutError:
            wire.socket.settimeout(TIMEOUT_SECONDS)
        except ConnectionError:
            break
    return b""


def test_a_silent_client_is_closed_without_a_response(hasty: ServiceProcess) -> None:
    """A balancer may keep it for later, and would not expect a response."""
    with refuses(hasty, "head_timeout"), Wire(hasty.url) as wire:
        seconds, said = until_closed(wire, time.monotonic())
    assert HEAD_SECONDS <= seconds + 0.05 <= HEAD_SECONDS + SWEEPS_SECONDS
    assert said == b""


def test_a_client_that_drips_its_head_is_cut(hasty: ServiceProcess) -> None:
    """The limit is for the whole head."""
    with refuses(hasty, "head_timeout"), Wire(hasty.url) as wire:
        began = time.monotonic()
        said = drip(wire, request("/none") * 10, 0.05)
        seconds = time.monotonic() - began
    assert HEAD_SECONDS <= seconds + 0.05 <= HEAD_SECONDS + SWEEPS_SECONDS
    assert said.startswith(b"HTTP/1.1 408 Request Timeout\r\n")
    line = hasty.wait_for("http.connection_refused", reason="head_timeout")
    assert (line["listener"], line["client_address"], line["level"]) == ("service", "127.0.0.1", "warning")


def test_the_second_head_of_a_connection_has_a_deadline_too(hasty: ServiceProcess) -> None:
    """It starts with the first byte."""
    with refuses(hasty, "head_timeout"), Wire(hasty.url) as wire:
        wire.send(request("/none"))
        assert wire.receive().status == 200
        wire.send(request("/none")[:20])
        seconds, said = until_closed(wire, time.monotonic())
    assert HEAD_SECONDS <= seconds + 0.05 <= HEAD_SECONDS + SWEEPS_SECONDS
    assert said.startswith(b"HTTP/1.1 408 ")


def test_a_body_without_progress_is_cut(hasty: ServiceProcess) -> None:
    """The application gets a disconnect, which is not an error of the service."""
    with refuses(hasty, "body_timeout"), Wire(hasty.url) as wire:
        wire.send(request("/size", "POST", content_length="10", x_request_id="stalled"), b"12345")
        seconds, said = until_closed(wire, time.monotonic())
    assert BODY_SECONDS <= seconds + 0.05 <= BODY_SECONDS + SWEEPS_SECONDS
    assert said.startswith(b"HTTP/1.1 408 ")
    assert hasty.wait_for("http.request_finished", request_id="stalled")["error_type"] == "client_disconnected"


def test_a_slow_body_that_makes_progress_is_not_cut(hasty: ServiceProcess) -> None:
    """It takes three times the limit."""
    with Wire(hasty.url) as wire:
        wire.send(request("/size", "POST", content_length="10"))
        began = time.monotonic()
        for at in range(10):
            wait_until(lambda at=at: time.monotonic() - began > at * BODY_SECONDS * 0.3)  # type: ignore[misc]
            wire.send(b"x")
        assert wire.receive().body == b"10"


def test_a_client_that_waits_for_the_application_is_not_cut(hasty: ServiceProcess) -> None:
    """With a complete request, and with a body that the application does not read yet."""
    seconds = 2 * max(HEAD_SECONDS, BODY_SECONDS, WRITE_SECONDS, KEEP_ALIVE_SECONDS)
    body = bytes(900_000)
    with Wire(hasty.url) as waiting, Wire(hasty.url) as sending:
        waiting.send(request(f"/wait?seconds={seconds}"))
        sending.send(request(f"/wait?seconds={seconds}", "POST", content_length=str(len(body))), body[:-1])
        assert waiting.receive().body == b"0"
        sending.send(body[-1:])
        assert sending.receive().body == b"900000"


def test_an_idle_connection_is_closed_at_its_limit(hasty: ServiceProcess) -> None:
    """Not before, without a response, and without a refusal."""
    before = metric(hasty.management_url, "http_server_refusals_total")
    with Wire(hasty.url) as wire:
        wire.send(request("/none"))
        assert wire.receive().status == 200
        seconds, said = until_closed(wire, time.monotonic())
    assert KEEP_ALIVE_SECONDS <= seconds + 0.05 <= KEEP_ALIVE_SECONDS + SWEEPS_SECONDS
    assert said == b""
    assert metric(hasty.management_url, "http_server_refusals_total") == before


def narrow(url: str) -> socket.socket:
    """A connection with a small receive buffer."""
    address = urlsplit(url)
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL_BUFFER)
    connection.settimeout(TIMEOUT_SECONDS)
    connection.connect((address.hostname, address.port))
    return connection


def test_a_client_that_does_not_read_is_cut(hasty: ServiceProcess) -> None:
    """Both while the application writes, and after it has written everything."""
    for size, close in ((64_000_000, "keep-alive"), (8_000_000, "close")):
        with refuses(hasty, "write_timeout"), closing(narrow(hasty.url)) as connection:
            connection.sendall(request(f"/much?bytes={size}", connection=close))
            wait_until(lambda: metric(hasty.management_url, "http_server_connections") == 1)
            wait_until(lambda: metric(hasty.management_url, "http_server_connections") == 0)


def test_a_client_that_reads_slowly_is_not_cut(hasty: ServiceProcess) -> None:
    """It takes three times the limit."""
    size = 100 * 65_536
    with closing(narrow(hasty.url)) as connection:
        connection.sendall(request(f"/much?bytes={size}", connection="close"))
        began, got = time.monotonic(), 0
        while data := connection.recv(size // 64):
            got += len(data)
            pause = 3 * WRITE_SECONDS * got / size
            wait_until(lambda pause=pause: time.monotonic() - began > pause)  # type: ignore[misc]
    assert got > size


def test_a_client_with_large_buffers_that_reads_slowly_is_not_cut(hasty: ServiceProcess) -> None:
    """The kernel takes megabytes at once and then nothing for long: delivered bytes count as progress."""
    address = urlsplit(hasty.url)
    cut = metric(hasty.management_url, "http_server_refusals_total", listener="service", reason="write_timeout")
    with socket.create_connection((address.hostname, address.port or 0), TIMEOUT_SECONDS) as connection:
        connection.sendall(request("/much?bytes=64000000", connection="close"))
        began, got = time.monotonic(), 0
        while time.monotonic() - began < 4 * WRITE_SECONDS:
            got += len(connection.recv(20_000))
            pause = got / 400_000
            wait_until(lambda pause=pause: time.monotonic() - began > pause)  # type: ignore[misc]
        assert metric(hasty.management_url, "http_server_connections") == 1
    now = metric(hasty.management_url, "http_server_refusals_total", listener="service", reason="write_timeout")
    assert now == cut
    wait_until(lambda: metric(hasty.management_url, "http_server_connections") == 0)


def test_a_client_that_waits_for_100_continue_is_not_cut(hasty: ServiceProcess) -> None:
    """It may not send the body before the application reads."""
    with Wire(hasty.url) as wire:
        seconds = 3 * BODY_SECONDS
        wire.send(request(f"/wait?seconds={seconds}", "POST", expect="100-continue", content_length="3"))
        assert wire.receive().status == 100
        wire.send(b"abc")
        assert wire.receive().body == b"3"


# Heads and bodies that are too large: the answer must reach a client that has sent everything before it reads.


def head_of(size: int) -> bytes:
    """A request whose head has exactly this size."""
    begin = b"GET /none HTTP/1.1\r\nHost: a\r\nA: "
    return begin + b"x" * (size - len(begin) - 4) + b"\r\n\r\n"


def test_a_head_of_the_limit_is_served_and_one_byte_more_is_refused(usual: ServiceProcess) -> None:
    """With 431, a problem document, and a closed connection."""
    with Wire(usual.url) as wire:
        wire.send(head_of(HEAD_BYTES))
        assert wire.receive().status == 200
    with refuses(usual, "head_too_large"), Wire(usual.url) as wire:
        wire.send(head_of(HEAD_BYTES + 1))
        reply = wire.receive()
        assert (reply.status, reply.headers["content-type"]) == (431, "application/problem+json")
        assert json.loads(reply.body)["status"] == 431
        assert wire.file.read() == b""


@pytest.mark.parametrize("size", [70_000, 5_000_000])
def test_clients_read_why_their_head_was_refused(usual: ServiceProcess, size: int, tmp_path: Path) -> None:
    """curl, http.client and httpx2 send the whole head before they read."""
    value = "x" * size
    headers = tmp_path / "headers"
    headers.write_text(f"A: {value}\n")
    curl = ["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "-H", f"@{headers}", usual.url + "/none"]
    assert ask(usual.url, "/none", A=value).status == 431
    assert httpx2.get(usual.url + "/none", headers={"A": value}).status_code == 431
    if size < 1_000_000:  # more than curl takes
        assert subprocess.check_output(curl, text=True) == "431"  # noqa: S603 - known words


@pytest.mark.parametrize("size", [2_000_000, 12_000_000])
def test_clients_read_that_their_body_was_too_large(usual: ServiceProcess, size: int) -> None:
    """The response arrives before the body is complete, and the connection is closed."""
    address = urlsplit(usual.url)
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=TIMEOUT_SECONDS)
    with closing(connection):
        connection.request("POST", "/size", bytes(size))
        response = connection.getresponse()
        assert (response.status, response.getheader("connection")) == (413, "close")
        assert json.loads(response.read())["status"] == 413


# Places.


def test_a_new_connection_replaces_the_oldest_waiting_one(small: ServiceProcess) -> None:
    """First those without a complete head, then idle ones. New and busy connections stay."""
    with ExitStack() as stack, refuses(small, "too_many_connections", 5):
        wires = [stack.enter_context(Wire(small.url)) for _ in range(FEW)]
        wait_until(lambda: metric(small.management_url, "http_server_connections") == FEW)
        more = [stack.enter_context(Wire(small.url)) for _ in range(5)]
        for wire in more:
            wire.send(request("/none"))
            assert wire.receive().status == 200
        assert [wire.socket.recv(1) for wire in wires[:5]] == [b""] * 5
        for wire in wires[5:]:
            wire.send(request("/none"))
            assert wire.receive().status == 200
        late = stack.enter_context(Wire(small.url))  # no head is owed now: an idle one has to go, which is no refusal
        late.send(request("/none"))
        assert late.receive().status == 200
        assert more[0].socket.recv(1) == b""


def test_a_connection_above_the_limit_gets_503(small: ServiceProcess) -> None:
    """With `Retry-After`, before it has sent a request. The other connections are served."""
    with ExitStack() as stack, refuses(small, "too_many_connections", 3):
        wires = [stack.enter_context(Wire(small.url)) for _ in range(FEW)]
        for wire in wires:
            wire.send(request("/wait?seconds=2"))
        wait_until(lambda: metric(small.management_url, "http_server_active_requests") == FEW)
        for _ in range(3):
            reply = ask(small.url, "/none")
            assert (reply.status, reply.headers["content-type"]) == (503, "application/problem+json")
            assert int(reply.headers["retry-after"]) > 0
        assert [wire.receive().status for wire in wires] == [200] * FEW
    assert ask(small.url, "/none").status == 200


def test_a_stalled_body_is_replaced_by_a_new_connection(small: ServiceProcess) -> None:
    """Before its time limit, when all connections have stalled bodies."""
    with ExitStack() as stack, refuses(small, "too_many_connections", 1):
        wires = [stack.enter_context(Wire(small.url)) for _ in range(FEW)]
        for wire in wires:
            wire.send(request("/size", "POST", content_length="2"), b"x")
        wait_until(lambda: metric(small.management_url, "http_server_active_requests") == FEW)
        began = time.monotonic()
        wait_until(lambda: time.monotonic() - began > 1.1)
        assert ask(small.url, "/none").status == 200


WITH_FEW_DESCRIPTORS = """
import resource, runpy
resource.setrlimit(resource.RLIMIT_NOFILE, ({descriptors}, {descriptors}))
runpy.run_path({program!r}, run_name="__main__")
"""


def test_the_limit_stays_below_that_of_descriptors() -> None:
    """With 64 descriptors and 200 clients, both ports answer."""
    program = WITH_FEW_DESCRIPTORS.format(descriptors=64, program=str(LIMITED))
    with closing(ServiceProcess(["-c", program], {}, without=variables(SERVICE))) as service, ExitStack() as stack:
        service.started()
        places = metric(service.management_url, "http_server_max_connections")
        assert 10 <= places <= 48
        clients = [stack.enter_context(Wire(service.url)) for _ in range(200)]
        wait_until(lambda: refusals(service, "too_many_connections") == len(clients) - places)
        assert ask(service.management_url, "/health/live").status == 200
        assert ask(service.management_url, "/metrics").status == 200
        assert ask(service.url, "/none").status == 200
        assert metric(service.management_url, "http_server_connections") <= places
        cpu = metric(service.management_url, "process_cpu_seconds_total")
        began = time.monotonic()
        wait_until(lambda: time.monotonic() - began > 0.5)
        assert metric(service.management_url, "process_cpu_seconds_total") - cpu < 0.25  # nothing spins
        assert service.terminate() == 0
        lines = [line for line in service.lines if line["event"] == "http.connection_refused"]
        assert [line["reason"] for line in lines] == ["too_many_connections"]
