"""Limits on clients of the management port: size and time. Each refusal is counted."""

import time
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest

from firstlight.management.listener import Listener
from firstlight.management.protocol import Limits
from firstlight.metrics.instruments import REGISTRY

from ..conftest import TIMEOUT_SECONDS
from ..process.conftest import Wire, ask, request
from .conftest import Start

SECONDS = 0.3
LARGE = 16_000_000  # more than the buffers of the kernel take
PROBE = request("/health/live")

Connect = Callable[..., Wire]


@pytest.fixture
def listener(start: Start) -> Listener:
    """A port with at most three connections and short time limits."""
    return start(limits=Limits(connections=3, request_seconds=SECONDS, keep_alive_seconds=2 * SECONDS))


@pytest.fixture
def connect(listener: Listener) -> Iterator[Connect]:
    """Connect to the port. The connections are closed after the test."""
    wires: list[Wire] = []

    def connect(*sent: bytes) -> Wire:
        wires.append(Wire(f"http://127.0.0.1:{listener.port}"))
        wires[-1].send(*sent)
        return wires[-1]

    yield connect
    for wire in wires:
        wire.__exit__()


def refused(reason: str) -> float:
    """The number of refusals of this port, by reason."""
    value = REGISTRY.get_sample_value("http_server_refusals_total", {"listener": "management", "reason": reason})
    assert value is not None
    return value


def ended(wire: Wire) -> bool:
    """Wait until the server has closed the connection. Returns whether it has."""
    try:
        return not wire.file.read()
    except ConnectionResetError:
        return True


def test_a_large_head_is_refused(connect: Connect) -> None:
    """431 reaches a client that is still sending. 16 KiB are enough for the cookies of a browser."""
    before = refused("head_too_large")
    within = connect(request("/health/live", cookie="c" * 16_000))
    assert within.receive().status == 200

    for head in (request("/health/live", cookie="c" * 16_400), b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 50_000):
        wire = connect(head)
        answer = wire.receive()
        assert answer.status == 431
        assert answer.headers["connection"] == "close"
        assert ended(wire)
    assert refused("head_too_large") == before + 2


@pytest.mark.parametrize(
    "sent", [b"nonsense\r\n\r\n", b"GET\r\n\r\n", b"GET \xff HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x02"]
)
def test_a_malformed_request_is_refused(connect: Connect, sent: bytes) -> None:
    """With 400, and the connection is closed."""
    before = refused("malformed")
    wire = connect(sent)

    assert wire.receive().status == 400
    assert ended(wire)
    assert refused("malformed") == before + 1


@pytest.mark.parametrize("sent", [b"", b"GET /metr"])
def test_a_head_has_a_deadline(connect: Connect, sent: bytes) -> None:
    """Single bytes do not extend it."""
    before = refused("head_timeout")
    began = time.monotonic()
    wire = connect(sent)
    wire.socket.settimeout(SECONDS / 10)
    while time.monotonic() - began < 10 * SECONDS:
        with suppress(TimeoutError):
            wire.socket.recv(1)
            break
        with suppress(ConnectionError):
            wire.send(sent and b"i")

    assert SECONDS / 2 < time.monotonic() - began < 8 * SECONDS
    assert refused("head_timeout") == before + 1


@pytest.mark.parametrize("connection", ["keep-alive", "close"])
def test_a_slow_reader_has_the_same_deadline(start: Start, connection: str) -> None:
    """A client that reads slowly is cut. Other clients do not wait for it."""
    before = refused("write_timeout")
    listener = start(limits=Limits(request_seconds=SECONDS), large="x" * LARGE)
    url = f"http://127.0.0.1:{listener.port}"
    began = time.monotonic()
    with Wire(url) as slow:
        slow.send(request("/health", connection=connection))
        while refused("write_timeout") == before:
            assert slow.socket.recv(1)
            assert ask(url, "/health/live").status == 200
            assert time.monotonic() - began < TIMEOUT_SECONDS
        assert time.monotonic() - began < 10 * SECONDS


def test_a_large_page_reaches_a_client_that_reads(start: Start) -> None:
    """Only time cuts a reader, not the size of the page."""
    listener = start(limits=Limits(request_seconds=TIMEOUT_SECONDS), large="x" * LARGE)
    with Wire(f"http://127.0.0.1:{listener.port}") as quick:
        quick.send(request("/health"), b"")
        assert len(quick.receive().body) > LARGE


def test_an_idle_connection_is_kept_for_a_while(connect: Connect) -> None:
    """For longer than a request may take. Its end is not a refusal."""
    before = refused("head_timeout")
    wire = connect(PROBE)
    assert wire.receive().status == 200
    began = time.monotonic()
    assert ended(wire)
    assert time.monotonic() - began > 1.5 * SECONDS
    assert refused("head_timeout") == before


def test_the_second_request_has_a_deadline_of_its_own(connect: Connect) -> None:
    """It starts with the first byte of that request."""
    before = refused("head_timeout")
    wire = connect(PROBE)
    assert wire.receive().status == 200
    wire.send(PROBE[:10])
    began = time.monotonic()
    assert ended(wire)
    assert time.monotonic() - began < 10 * SECONDS
    assert refused("head_timeout") == before + 1


def test_a_new_connection_replaces_an_old_one(connect: Connect) -> None:
    """First an idle one, which is not a refusal; then the one that has waited longest for its head."""
    before = refused("too_many_connections")
    oldest, newer = connect(b"GET /hea"), connect(b"GET /hea")
    idle = connect(PROBE)
    assert idle.receive().status == 200

    another = connect(PROBE)
    assert another.receive().status == 200
    assert ended(idle)
    assert refused("too_many_connections") == before
    connect(PROBE[:10])
    assert ended(another)
    probe = connect(PROBE)
    assert probe.receive().status == 200
    assert ended(oldest)
    assert refused("too_many_connections") == before + 1
    newer.send(b"lth/live HTTP/1.1\r\nhost: test\r\n\r\n")
    assert newer.receive().status == 200


def test_a_pipeline_is_not_served(connect: Connect) -> None:
    """Two thousand scrapes in one segment would block the thread: only one is answered."""
    before = refused("pipeline_too_deep")
    wire = connect(PROBE * 100)

    answer = wire.receive()
    assert (answer.status, answer.headers["connection"]) == (200, "close")
    assert ended(wire)
    assert refused("pipeline_too_deep") == before + 1


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "TRACE"])
def test_only_get_and_head_are_allowed(connect: Connect, method: str) -> None:
    """Other methods get 405, and the body is not read."""
    wire = connect(request("/health/live", method, content_length="100000"), b"x" * 1000)

    answer = wire.receive()
    assert (answer.status, answer.headers["allow"], answer.headers["connection"]) == (405, "GET, HEAD", "close")
    assert ended(wire)


def test_a_body_or_an_upgrade_closes_the_connection(connect: Connect) -> None:
    """After the response: following bytes could be parsed as another request."""
    for head, body in (
        (request("/health/live", content_length="5"), b"hello"),
        (request("/health/live", transfer_encoding="chunked"), b"5\r\nhello\r\n0\r\n\r\n"),
        (request("/health/live", connection="Upgrade, HTTP2-Settings", upgrade="h2c", http2_settings="AAMA"), b""),
    ):
        wire = connect(head, body)
        answer = wire.receive()
        assert (answer.status, answer.headers["connection"]) == (200, "close")
        assert ended(wire)
