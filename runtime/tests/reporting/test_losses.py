"""Reports of hostile errors arrive, lost reports are counted, and the tracker cannot block or fill the service."""

import gzip
import json
import socket
import sys
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import sentry_sdk
from sentry_sdk.scope import remove_external_propagation_context

from firstlight import Settings
from firstlight.context import REQUEST, RequestContext
from firstlight.logs import pipeline
from firstlight.metrics.instruments import REGISTRY
from firstlight.reporting import sentry, traceback, transport
from firstlight.reporting.sentry import Capture
from firstlight.testing.lines import Lines

from ..faults import IDENTITY
from ..peers import DRIPPING, Peer, answer, silent, then, wait_until

FRAMES = 4000
SLACK_SECONDS = 4.0

Start = Callable[[Peer], tuple[Capture, Callable[[float], object]]]


@pytest.fixture
def start(settings: Settings, lines: Lines, monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    """Start to report to a peer."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    pipeline.configure(settings, IDENTITY, lines)

    def make(peer: Peer) -> tuple[Capture, Callable[[float], object]]:
        dsn = f"http://key@127.0.0.1:{peer.port}/1"
        return sentry.start(Settings(**{**settings.model_dump(), "sentry_dsn": dsn}), IDENTITY)

    yield make
    sentry_sdk.get_client().close(timeout=0)
    sentry_sdk.get_global_scope().set_client(None)
    remove_external_propagation_context()
    for thread in threading.enumerate():
        if thread.name == "error-reports":  # it counts the exchange that it was in
            thread.join(5)


def events(peer: Peer) -> list[dict[str, Any]]:
    """The received reports."""
    bodies = [gzip.decompress(request.partition(b"\r\n\r\n")[2]) for request in peer.requests]
    return [json.loads(body.splitlines()[2]) for body in bodies]


@pytest.fixture
def lost() -> Callable[[], dict[str, float]]:
    """The reports lost since the test began, by reason."""

    def counts() -> dict[str, float]:
        families = {family.name: family for family in REGISTRY.collect()}
        samples = families["telemetry_dropped"].samples
        return {s.labels["reason"]: s.value for s in samples if s.labels["signal"] == "errors"}

    before = counts()
    return lambda: {reason: value - before[reason] for reason, value in counts().items() if value > before[reason]}


class HostileError(Exception):
    """An error that raises whenever it is rendered."""

    def __str__(self) -> str:
        """Fail."""
        raise RuntimeError

    __repr__ = __str__

    def __setattr__(self, name: str, value: object) -> None:
        """Refuse attributes."""
        raise TypeError(name, value)

    @property
    def message(self) -> str:
        """Raise. The tracker's SDK reads it."""
        raise KeyError

    __hash__ = None  # type: ignore[assignment]

    def __eq__(self, other: object) -> bool:
        """Fail."""
        raise ZeroDivisionError


class UnspeakableError(Exception):
    """An error without a text."""

    def __str__(self) -> str:
        """Fail."""
        raise RuntimeError


def deep(frames: int) -> None:
    """Recurse, and raise at the bottom."""
    if frames:
        deep(frames - 1)
    else:
        msg = "too deep"
        raise RecursionError(msg)


def raised(call: Callable[[], object]) -> BaseException:
    """The error that `call` raises."""
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(2 * FRAMES)
    try:
        call()
    except BaseException as error:  # noqa: BLE001 - as the data plane catches it
        return error
    finally:
        sys.setrecursionlimit(limit)
    raise AssertionError


def throw(error: BaseException) -> None:
    """Raise the error."""
    raise error


HOSTILE = {
    "deep": (lambda: raised(lambda: deep(FRAMES)), "RecursionError"),
    "hostile": (lambda: raised(lambda: throw(HostileError())), ""),
    "without a text": (lambda: raised(lambda: throw(UnspeakableError("secret"))), "UnspeakableError"),
    "group": (lambda: ExceptionGroup("many", [ValueError(str(n)) for n in range(1000)]), "ExceptionGroup"),
    "long": (lambda: ValueError("x" * 10_000_000), "ValueError"),
    "surrogate": (lambda: ValueError("\ud800"), "ValueError"),
    "exit": (lambda: SystemExit(1), "SystemExit"),
}


@pytest.mark.parametrize(("make", "name"), HOSTILE.values(), ids=HOSTILE.keys())
def test_every_error_is_exactly_one_event(
    make: Callable[[], BaseException], name: str, start: Start, lost: Callable[[], object]
) -> None:
    """Nothing is raised into the caller."""
    with Peer(answer("200 OK", b"{}")) as peer:
        capture, flush = start(peer)
        error = make()
        capture(error)
        flush(10)
        (event,) = events(peer)
    assert type(error).__qualname__ in json.dumps(event)
    if name:
        assert name in [value["type"] for value in event["exception"]["values"]]
    assert lost() == {}


def test_a_deep_traceback_keeps_its_ends(start: Start) -> None:
    """The tracker's SDK would drop all frames. It costs as much as a hundred frames."""
    with Peer(answer("200 OK", b"{}")) as peer:
        capture, flush = start(peer)
        capture(raised(lambda: deep(10)))  # imports, and files for the source
        error = raised(lambda: deep(FRAMES))
        began = time.process_time()
        capture(error)
        assert time.process_time() - began < 0.5
        flush(10)
        event = events(peer)[-1]
    frames = event["exception"]["values"][-1]["stacktrace"]["frames"]
    assert len(frames) == traceback.OUTER_FRAMES + traceback.INNER_FRAMES
    assert [frames[0]["function"], frames[-1]["function"]] == ["raised", "deep"]
    assert "raise RecursionError" in frames[-1]["context_line"]


def test_a_report_names_its_request(start: Start) -> None:
    """With the ids of its log lines, also without a span."""
    with Peer(answer("200 OK", b"{}")) as peer:
        capture, flush = start(peer)
        token = REQUEST.set(RequestContext("parcel-7", "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"))
        try:
            capture(ValueError("x"))
        finally:
            REQUEST.reset(token)
        flush(10)
        (event,) = events(peer)
    assert event["tags"]["request_id"] == "parcel-7"
    assert event["contexts"]["trace"]["trace_id"] == "0af7651916cd43dd8448eb211c80319c"


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        ("500 Broken", "export_failed"),
        ("302 Found", "export_failed"),
        ("413 Large", "rejected"),
        ("403 No", "rejected"),
    ],
)
def test_a_report_that_is_refused_is_counted(
    status: str, reason: str, start: Start, lost: Callable[[], object], lines: Lines
) -> None:
    """And logged once."""
    with Peer(answer(status)) as peer:
        capture, flush = start(peer)
        for number in range(3):
            capture(ValueError(number))
        flush(10)
        peer.behave = answer("200 OK")
        capture(ValueError("last"))
        flush(10)
    assert lost() == {reason: 3}
    failed, recovered = lines.events
    assert (failed["event"], failed["signal"], failed["reason"]) == ("telemetry.export_failed", "errors", status)
    assert recovered["event"] == "telemetry.export_recovered"


@pytest.mark.parametrize(
    "behave",
    [
        answer("429 Slow", b"", "retry-after: 60"),
        answer("429 Slow"),
        answer("200 OK", b"", "x-sentry-rate-limits: 60:error;default:org, 5:transaction:org"),
        answer("200 OK", b"", "x-sentry-rate-limits: 60::org"),
    ],
    ids=["429", "429 alone", "categories", "all categories"],
)
def test_a_pause_that_the_tracker_asks_for_is_kept(
    behave: Callable[..., None], start: Start, lost: Callable[[], dict[str, float]]
) -> None:
    """Errors during the pause are counted and not sent."""
    with Peer(behave) as peer:
        capture, flush = start(peer)
        capture(ValueError("first"))
        flush(10)
        refused = lost().get("rejected", 0)
        for number in range(5):
            capture(ValueError(number))
        flush(10)
    assert len(peer.requests) == 1
    assert lost() == {"rejected": refused + 5}


def test_a_pause_for_other_categories_has_no_effect(start: Start) -> None:
    """Only that of errors counts."""
    with Peer(answer("200 OK", b"", "x-sentry-rate-limits: 60:transaction:org, x:y, :")) as peer:
        capture, flush = start(peer)
        for number in range(3):
            capture(ValueError(number))
            flush(10)
    assert len(peer.requests) == 3


@pytest.mark.parametrize("behave", DRIPPING.values(), ids=DRIPPING.keys())
def test_an_exchange_with_the_tracker_has_a_time_limit(
    behave: Callable[..., None], start: Start, lost: Callable[[], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    """And so has a flush."""
    monkeypatch.setattr(transport, "SECONDS", 0.8)
    with Peer(behave) as peer:
        capture, flush = start(peer)
        capture(ValueError("x"))
        began = time.monotonic()
        flush(0.05)
        assert time.monotonic() - began < 0.7
        flush(10)
        assert time.monotonic() - began < 0.8 + SLACK_SECONDS
    assert lost() == {"export_failed": 1}


def test_a_large_answer_is_not_read(start: Start) -> None:
    """The tracker answers 400 with 196 MB."""

    def flood(peer: Peer, connection: socket.socket) -> None:
        peer.flood(connection, 196_000_000)

    with Peer(then(b"HTTP/1.1 400 Bad\r\ncontent-length: 196000000\r\n\r\n", flood)) as peer:
        capture, flush = start(peer)
        capture(ValueError("x"))
        flush(10)
    assert peer.sent < 50_000_000


def test_the_queue_is_limited(
    start: Start, lost: Callable[[], dict[str, float]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """In number and in bytes. Dropped reports are counted, and memory does not grow."""
    monkeypatch.setattr(sentry, "REPORTS", 10_000)
    with Peer(silent) as peer:
        capture, _ = start(peer)
        capture(ValueError("warm"))
        wait_until(lambda: peer.requests)
        with monkeypatch.context() as changed:
            changed.setattr(transport, "MAX_BYTES", 100)
            capture(ValueError("no byte is left"))
        assert lost() == {"queue_full": 1}
        tracemalloc.start()
        for number in range(transport.MAX_REPORTS + 20):
            capture(ValueError(number, "x" * 100_000))
        held = tracemalloc.get_traced_memory()[0]
        tracemalloc.stop()
        assert lost() == {"queue_full": 22}
        assert held < 2_000_000


def test_a_flood_of_errors_is_limited(
    start: Start, lost: Callable[[], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    """To a number per minute, because each report costs CPU."""
    monkeypatch.setattr(sentry, "REPORTS", 5)
    with Peer(answer("200 OK", b"{}")) as peer:
        capture, flush = start(peer)
        for number in range(12):
            capture(ValueError(number))
        flush(10)
        assert len(peer.requests) == 5
        assert lost() == {"queue_full": 7}
        monkeypatch.setattr(sentry, "PERIOD_SECONDS", 0)
        capture(ValueError("next"))
        flush(10)
        assert len(peer.requests) == 6


def test_a_report_that_is_too_large_is_counted(
    start: Start, lost: Callable[[], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    """And not sent."""
    monkeypatch.setattr(transport, "MAX_REPORT_BYTES", 100)
    with Peer(answer("200 OK", b"{}")) as peer:
        capture, flush = start(peer)
        capture(ValueError("x"))
        flush(10)
    assert peer.requests == []
    assert lost() == {"too_large": 1}


def test_a_failure_of_the_sdk_is_not_raised(
    start: Start, lost: Callable[[], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is counted."""

    def fail(*_: object, **__: object) -> None:
        raise LookupError

    with Peer(answer("200 OK", b"{}")) as peer:
        capture, _ = start(peer)
        monkeypatch.setattr(sentry_sdk, "capture_exception", fail)
        monkeypatch.setattr(sentry_sdk, "capture_message", fail)
        capture(ValueError("x"))
    assert lost() == {"not_rendered": 1}


def test_a_closed_client_counts_its_queue_as_lost(start: Start, lost: Callable[[], object]) -> None:
    """Its thread ends."""
    with Peer(silent) as peer:
        capture, _ = start(peer)
        capture(ValueError("sent"))
        wait_until(lambda: peer.requests)
        capture(ValueError("held"))
        sentry_sdk.get_client().close(timeout=0)
    assert lost().get("queue_full") == 1  # type: ignore[attr-defined]
