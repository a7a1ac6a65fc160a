"""The buffers of a process before a reload, in a file without a name."""

import os
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from opentelemetry.trace import SpanContext

from firstlight.console import handover
from firstlight.console.buffers import Buffers
from firstlight.console.kept import Kept
from firstlight.console.latencies import Latencies
from firstlight.console.matching import Wanted
from firstlight.console.points import Points, Process
from firstlight.console.stalls import Pulse, Stalls
from firstlight.context import RequestContext
from firstlight.development.handover import CONSOLE_BUFFERS
from firstlight.lifecycle import Lifecycle
from firstlight.metrics.durations import Durations
from firstlight.metrics.instruments import LATENCY_BUCKETS_SECONDS
from firstlight.requests.span_attributes import STARTED

TRACE = "0af7651916cd43dd8448eb211c80319c"
LABELS = ("http_request_method", "http_route", "http_response_status_code", "error_type", "url_scheme")


class Recorded:
    """What one process records."""

    def __init__(self) -> None:
        """Start with what the process before has saved."""
        self.buffers = Buffers()
        durations = Durations("d", "d", LABELS, buckets=LATENCY_BUCKETS_SECONDS, registry=None)
        self.points = Points(Latencies(durations), Process(lambda: 0, lambda: 0))
        self.stalls = Stalls(Pulse(), Lifecycle())
        self.kept = Kept(self.buffers, self.points, self.stalls)

    def record(self) -> None:
        """One of each."""
        scope = {STARTED: ("/links", "127.0.0.1")}
        request = SimpleNamespace(scope=scope, ids=RequestContext("r", TRACE, "s"), bytes_sent=5)
        self.buffers.exchanges.finished(request, {"m": "GET", "r": "/links", "s": 200, "e": ""}, 1_000_000)
        self.buffers.lines.add(b'{"level": "info", "event": "link.created", "trace_id": "%s"}\n' % TRACE.encode())
        context = SpanContext(int(TRACE, 16), 7, is_remote=False)
        self.buffers.spans.on_request(context, None, "GET /links", (1, 2), "unset", ({"password": "hunter2"},))
        self.points.take(0.01)
        self.stalls.ring.append({"time": 1, "ms": 200.0, "stack": ["sleep"], "requests": []}, 100)


@pytest.fixture
def descriptor(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[int]:
    """The file that a supervisor keeps open."""
    file = os.open(tmp_path / "buffers", os.O_RDWR | os.O_CREAT)
    monkeypatch.setenv(CONSOLE_BUFFERS, str(file))
    yield file
    os.close(file)


def test_the_next_process_shows_what_the_last_one_recorded(descriptor: int) -> None:
    """Requests with their spans and lines, points and stalls; and the numbers go on."""
    first = Recorded()
    first.record()
    first.record()
    first.kept.save()

    second = Recorded()
    second.record()

    found = second.buffers.exchanges.of_trace(TRACE)
    assert [(seq, exchange.path) for seq, exchange in found] == [(1, "/links"), (2, "/links"), (3, "/links")]
    assert [entry.seq for entry in second.buffers.lines.ring.entries()] == [1, 2, 3]
    assert [each["event"] for each in second.buffers.lines.of_trace(TRACE)] == ["link.created"] * 3
    spans = second.buffers.spans.of_trace(TRACE)
    assert [(span.name, span.shown(0)["ms"], span.attributes) for span in spans] == [
        ("GET /links", 0.0, {"password": "REDACTED"})
    ] * 3
    assert (len(second.points.since(0)), len(second.stalls.shown())) == (3, 3)
    assert b"hunter2" not in os.pread(descriptor, 100_000, 0)


def test_the_file_is_not_inherited_further(descriptor: int) -> None:
    """A program that the service starts cannot read it."""
    os.set_inheritable(descriptor, True)  # noqa: FBT003 - it has no keywords
    Recorded()

    assert not os.get_inheritable(descriptor)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"\x00" * 100,
        b"[]",
        b'{"format": 1}',
        b'{"format": 2}',
        b'{"format": 2, "parts": {"spans": [[1, "x"]]}}',
    ],
)
def test_a_file_that_cannot_be_read_is_ignored(descriptor: int, content: bytes) -> None:
    """The process starts with empty buffers."""
    os.pwrite(descriptor, content, 0)

    assert Recorded().buffers.spans.ring.entries() == []


@pytest.mark.parametrize("given", ["", "x", "-1", "99999"])
def test_without_a_supervisor_nothing_is_kept(given: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The service runs all the same."""
    monkeypatch.setenv(CONSOLE_BUFFERS, given)
    recorded = Recorded()
    recorded.record()
    recorded.kept.save()

    assert recorded.buffers.exchanges.of_trace(TRACE) != []


def test_the_file_is_limited(descriptor: int) -> None:
    """The older half is left out until the rest fits."""
    recorded = Recorded()
    for number in range(300):
        recorded.buffers.lines.add(b'{"level": "info", "event": "%05d", "text": "%s"}\n' % (number, b"\\u0000" * 1_000))
    recorded.kept.save()

    assert os.fstat(descriptor).st_size <= handover.FILE_BYTES
    assert Recorded().buffers.lines.find(Wanted())["items"] != []
