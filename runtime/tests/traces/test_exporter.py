"""What a collector does not take is counted, with its reason, in time and in little memory."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTracePartialSuccess,
    ExportTraceServiceResponse,
)
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider, sampling
from opentelemetry.sdk.trace.export import SpanExportResult
from pydantic import SecretStr

from firstlight import Settings
from firstlight.logs import pipeline
from firstlight.metrics.instruments import REGISTRY
from firstlight.otlp.deliveries import ExportError
from firstlight.otlp.destination import Destination
from firstlight.testing.lines import Lines
from firstlight.traces.exporter import OtlpExporter
from firstlight.traces.queue import SpanQueue

from ..faults import IDENTITY
from ..peers import DRIPPING, Peer, answer, then, wait_until

SECONDS = 0.4
SLACK_SECONDS = 4.0
PLAIN_HEADERS = {"content-type": "application/x-protobuf", "user-agent": "OTel-OTLP-Exporter-Python/firstlight"}


@pytest.fixture(autouse=True)
def _settled(settings: Settings, lines: Lines, monkeypatch: pytest.MonkeyPatch) -> None:
    pipeline.configure(settings, IDENTITY, lines)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", f"{SECONDS * 1000:.0f}")


@pytest.fixture
def export(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Peer, int], SpanExportResult]]:
    """Export so many spans to a peer."""
    made: dict[str, OtlpExporter] = {}

    def call(peer: Peer, count: int = 1) -> SpanExportResult:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", peer.url)
        exporter = made.setdefault(peer.url, OtlpExporter(Destination.of(Settings())))
        return exporter.export(spans(count))

    yield call
    for exporter in made.values():
        exporter.shutdown()


def spans(count: int) -> list[ReadableSpan]:
    """Finished spans."""
    tracer = TracerProvider(sampling.ALWAYS_ON, shutdown_on_exit=False).get_tracer("test")
    made = [tracer.start_span(f"span {number}") for number in range(count)]
    for span in made:
        span.end()
    return made  # type: ignore[return-value]


def dropped(reason: str) -> float:
    """Spans dropped so far."""
    return REGISTRY.get_sample_value("telemetry_dropped_total", {"signal": "traces", "reason": reason}) or 0


@pytest.mark.parametrize("status", ["302 Found", "307 Temporary Redirect", "301 Moved", "400 Bad Request", "413 Large"])
def test_what_is_no_success_is_a_failure(status: str, export: Callable[..., object]) -> None:
    """A redirect is not followed: the stock exporter calls it a success."""
    with (
        Peer(answer("200 OK")) as other,
        Peer(answer(status, b"", f"location: {other.url}/v1/traces")) as peer,
        pytest.raises(ExportError, match=status),
    ):
        export(peer)
    assert len(peer.requests) == 1
    assert other.requests == []


def test_a_redirect_is_counted_and_logged_once(
    settings: Settings, lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One warning with the reason for any number of batches."""
    lost = dropped("export_failed")
    with Peer(answer("307 Temporary Redirect")) as peer:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", peer.url)
        changes = {"otel_bsp_schedule_delay": 10, "otel_bsp_max_export_batch_size": 1}
        queue = SpanQueue(OtlpExporter(Destination.of(Settings())), settings.model_copy(update=changes))
        for span in spans(5):
            queue.on_end(span)
        assert queue.stop(5)
    assert dropped("export_failed") - lost == 5
    (line,) = lines.events
    assert (line["event"], line["signal"], line["reason"]) == (
        "telemetry.export_failed",
        "traces",
        "307 Temporary Redirect",
    )


def partial(rejected: int, message: str) -> bytes:
    """A response of a collector that took a part."""
    success = ExportTracePartialSuccess(rejected_spans=rejected, error_message=message)
    return bytes(ExportTraceServiceResponse(partial_success=success).SerializeToString())


def test_rejected_spans_are_counted_and_reported_once(export: Callable[..., object], lines: Lines) -> None:
    """The collector's message is passed on, cut; more of them within a minute only count."""
    lost, failed = dropped("rejected"), dropped("export_failed")
    with Peer(answer("200 OK", partial(2, "too old " * 1000))) as peer:
        for _ in range(3):
            assert export(peer, 5) is SpanExportResult.SUCCESS
    assert dropped("rejected") - lost == 6
    assert dropped("export_failed") == failed
    (line,) = lines.events
    assert (line["event"], line["rejected"], len(line["reason"])) == ("telemetry.export_rejected", 2, 500)


@pytest.mark.parametrize("rejected", [2**62, -5])
def test_a_collector_cannot_claim_more_than_it_got(rejected: int, export: Callable[..., object]) -> None:
    """A counter only goes up, by no more than was sent."""
    lost = dropped("rejected")
    with Peer(answer("200 OK", partial(rejected, ""))) as peer:
        export(peer, 3)
    assert dropped("rejected") - lost == (3 if rejected > 0 else 0)


@pytest.mark.parametrize("body", [b"", b"{}", b"\xff" * 100, b"<html>"])
def test_other_bodies_of_a_success_are_ignored(body: bytes, export: Callable[..., object], lines: Lines) -> None:
    """Receivers answer 200 with whatever they like."""
    with Peer(answer("200 OK", body)) as peer:
        assert export(peer) is SpanExportResult.SUCCESS
    assert lines.events == []


HOLDING = {**DRIPPING, "503 again and again": answer("503 Busy", b"", "retry-after: 0")}


@pytest.mark.parametrize("behave", HOLDING.values(), ids=HOLDING.keys())
def test_all_attempts_end_at_the_timeout(behave: Callable[..., None], export: Callable[..., object]) -> None:
    """`OTEL_EXPORTER_OTLP_TIMEOUT` is the limit of one export, whatever the collector does."""
    began = time.monotonic()
    with Peer(behave) as peer:
        with pytest.raises(ExportError):
            export(peer)
        assert time.monotonic() - began < SECONDS + SLACK_SECONDS


def test_an_endless_answer_to_a_refusal_is_a_refusal(export: Callable[..., object]) -> None:
    """400 with 196 MB: the status counts, the body is left."""
    head = b"HTTP/1.1 400 Bad Request\r\ncontent-length: 196000000\r\n\r\n"
    with (
        Peer(then(head, lambda peer, connection: peer.flood(connection, 196_000_000))) as peer,
        pytest.raises(ExportError, match="400 Bad Request"),
    ):
        export(peer)
    assert peer.sent < 50_000_000


def test_a_busy_collector_gets_the_batch_later(export: Callable[..., object]) -> None:
    """With `Retry-After` as seconds or as a date that is over."""
    answers = [
        answer("503 Busy", b"", "retry-after: 0"),
        answer("429 Slow", b"", "retry-after: Wed, 21 Oct 2015 07:28:00 GMT"),
        answer("200 OK"),
    ]
    with Peer(lambda peer, connection: answers[len(peer.requests) - 1](peer, connection)) as peer:
        assert export(peer) is SpanExportResult.SUCCESS
    assert len(peer.requests) == 3


def test_the_variables_for_traces_come_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """Endpoint as it is, headers decoded, compression and timeout."""
    for name, value in {
        "ENDPOINT": "http://all.example/",
        "HEADERS": "a=b",
        "COMPRESSION": "gzip",
        "TIMEOUT": "7000",
    }.items():
        monkeypatch.setenv(f"OTEL_EXPORTER_OTLP_{name}", value)
    general = Destination.of(Settings())
    assert (general.url, general.seconds) == ("http://all.example/v1/traces", 7)
    assert (general.headers["a"], general.headers["content-encoding"]) == ("b", "gzip")

    for name, value in {
        "ENDPOINT": "http://traces.example/in",
        "HEADERS": "api-key=Zm9v%3D, x=y z",
        "COMPRESSION": "none",
        "TIMEOUT": "3000",
    }.items():
        monkeypatch.setenv(f"OTEL_EXPORTER_OTLP_TRACES_{name}", value)
    own = Destination.of(Settings())
    assert (own.url, own.seconds, own.compress) == ("http://traces.example/in", 3, None)
    assert own.headers.items() >= {"api-key": "Zm9v=", "x": "y z", "content-type": "application/x-protobuf"}.items()
    assert not {"a", "content-encoding"} & own.headers.keys()


@pytest.mark.parametrize("headers", ["X-Team:s3cr3t", "x y=s3cr3t", "x=a%0d%0as3cr3t", "s3cr3t", "Host=s3cr3t"])
def test_headers_that_cannot_be_read_are_left_out(headers: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The others are sent, and those of the exporter itself are its own."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://all.example")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", f"{headers},a=b,content-type=text/plain")
    assert Destination.of(Settings()).headers == {**PLAIN_HEADERS, "a": "b"}


def test_the_destination_is_that_of_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """And not that of the environment, which may be another one."""
    for name in ("ENDPOINT", "CERTIFICATE"):
        monkeypatch.setenv(f"OTEL_EXPORTER_OTLP_{name}", "http://environment.example")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "from=environment")
    given = Settings(
        otel_exporter_otlp_endpoint="https://code.example",
        otel_exporter_otlp_headers=SecretStr("from=code"),
        otel_exporter_otlp_certificate="",
    )
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://later.example")
    made = Destination.of(given)
    assert (made.url, made.headers["from"]) == ("https://code.example/v1/traces", "code")


@pytest.mark.parametrize("name", ["CERTIFICATE", "CLIENT_CERTIFICATE"])
@pytest.mark.parametrize("content", [None, "no certificate"])
def test_a_certificate_that_cannot_be_read_is_one_warning(
    name: str, content: str | None, lines: Lines, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a wrong file the service starts, without exports."""
    file = tmp_path / "file.pem"
    if content is not None:
        file.write_text(content, "utf-8")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "https://all.example")
    monkeypatch.setenv(f"OTEL_EXPORTER_OTLP_{name}", str(file))
    assert Destination.of(Settings()).context is not None
    (line,) = lines.named("settings.variable_ignored")
    assert line["variable"] == f"OTEL_EXPORTER_OTLP_{name}"


def test_a_stop_ends_a_wait_for_the_next_attempt(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> None:
    """It does not use up the timeout."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "60000")
    with Peer(answer("503 Busy", b"", "retry-after: 30")) as peer:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", peer.url)
        queue = SpanQueue(
            OtlpExporter(Destination.of(Settings())), settings.model_copy(update={"otel_bsp_schedule_delay": 10})
        )
        queue.on_end(spans(1)[0])
        wait_until(lambda: peer.requests)
        began = time.monotonic()
        queue.stop(0.2)
        assert queue._thread is not None  # noqa: SLF001 - to see that it ends
        queue._thread.join(5)  # noqa: SLF001
        assert time.monotonic() - began < SLACK_SECONDS
