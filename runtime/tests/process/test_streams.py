"""Streams: at the end of the process, abandoned, and with too large requests."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing

import pytest

from firstlight.testing import ServiceProcess
from firstlight.testing.environment import variables

from ..conftest import PROGRAMS
from ..faults import SERVICE
from .conftest import Receiver, Start, Wire, in_flight, metric, request

STREAMS = str(PROGRAMS / "streams.py")
FIRST, LAST = b"data: first\n\n", b"data: last\n\n"
END = b"0\r\n\r\n"  # of a response in chunks
ENDS = {  # of a stream that was open when the process was told to stop: status, error type, level
    "/attentive": (200, "", "info"),
    "/attentive/free": (200, "", "info"),
    "/ignorant/first": (200, "drained", "info"),
    "/ignorant/free": (200, "drained", "info"),
    "/ignorant/held": (200, "cancelled", "error"),
}


def _open(stack: ExitStack, service: ServiceProcess, target: str) -> Wire:
    """A client that has read the first event."""
    wire = stack.enter_context(Wire(service.url))
    wire.send(request(target))
    assert wire.head().status == 200
    _read_until(wire, FIRST)
    return wire


def _read_until(wire: Wire, event: bytes) -> None:
    received = b""
    while event not in received:
        line = wire.file.readline()
        assert line, f"the server closed the connection after {received!r}"
        received += line


def _events(service: ServiceProcess) -> dict[tuple[str, str], float]:
    kinds = [(slo, outcome) for slo in ("availability", "latency") for outcome in ("good", "bad")]
    return {
        (slo, outcome): metric(service.management_url, "slo_events_total", slo=slo, outcome=outcome)
        for slo, outcome in kinds
    }


def test_streams_at_the_end_of_the_process(serve: Start, receive: Callable[..., Receiver]) -> None:
    """A stream that ignores the drain is cut: an error only if a latency objective includes its end."""
    counted = []

    def answer() -> int:  # the flush is in progress, and nothing is counted after it
        counted.append(_events(service))
        return 200

    collector = receive(answer)
    service = serve(STREAMS, OTEL_EXPORTER_OTLP_ENDPOINT=collector.url, GRACEFUL_SECONDS="1").started()
    with ExitStack() as stack:
        clients = {target: _open(stack, service, target) for target in ENDS}
        in_flight(service, len(ENDS))
        service.terminate()
        rests = {target: client.file.read() for target, client in clients.items()}

    for target, (status, error_type, level) in ENDS.items():
        line = service.wait_for("http.request_finished", http_route=target)
        assert (line["http_response_status_code"], line["error_type"], line["level"]) == (status, error_type, level)
        assert rests[target].endswith(END) is (not error_type)
        assert (LAST in rests[target]) is (not error_type)
    assert counted[-1] == {
        ("availability", "good"): 4,
        ("availability", "bad"): 1,
        ("latency", "good"): 2,  # by their first byte
        ("latency", "bad"): 1,  # the one that is held to the end
    }
    assert [line for line in service.lines if line["event"] == "http.request_failed"] == []


@pytest.fixture(scope="module")
def streaming() -> Iterator[ServiceProcess]:
    """The service with a small limit for bodies."""
    with closing(ServiceProcess([STREAMS], {"MAX_BODY_BYTES": "1000"}, without=variables(SERVICE))) as process:
        yield process.started()


@pytest.mark.parametrize("target", ["/ignorant/held", "/ignorant/first", "/ignorant/free"])
def test_an_abandoned_stream_counts_in_no_objective(streaming: ServiceProcess, target: str) -> None:
    """The client decides how long it reads."""
    before = _events(streaming)
    with ExitStack() as stack:
        _open(stack, streaming, target)

    line = streaming.wait_for("http.request_finished", http_route=target)
    assert (line["error_type"], line["level"]) == ("client_disconnected", "info")
    assert _events(streaming) == before


def test_a_client_that_sends_too_much_gets_its_stream_to_the_end(streaming: ServiceProcess) -> None:
    """The application does not read: bytes above the limit are dropped."""
    with Wire(streaming.url) as wire:
        wire.send(request("/brief", "POST", transfer_encoding="chunked"))
        assert wire.head().status == 200
        _read_until(wire, b"data: event\n\n")
        wire.send(b"3e8\r\n", b"x" * 1000, b"\r\n", b"1f4\r\n", b"x" * 500, b"\r\n")
        _read_until(wire, END[:3])

    line = streaming.wait_for("http.request_finished", http_route="/brief")
    assert (line["http_response_status_code"], line["error_type"]) == (200, "")
    assert line["response_bytes"] == 20 * len(b"data: event\n\n")
    assert [line for line in streaming.lines if line["event"] == "http.request_failed"] == []


def test_a_head_request_ends_at_the_first_byte_of_its_stream(streaming: ServiceProcess) -> None:
    """It gets no body, so nobody waits for one; it counts as answered, and what follows the response runs."""
    good = ("availability", "good")
    before = _events(streaming)
    with Wire(streaming.url) as wire:
        wire.send(request("/followed", "HEAD"), request("/none"))
        assert wire.head().status == 200
        assert wire.head().status == 404

    line = streaming.wait_for("http.request_finished", http_route="/followed")
    assert (line["http_response_status_code"], line["error_type"], line["response_bytes"]) == (200, "", 0)
    assert streaming.wait_for("stream.followed")["request_id"] == line["request_id"]
    assert _events(streaming)[good] >= before[good] + 1
