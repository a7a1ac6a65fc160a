"""Wherever telemetry leaves the process, the same is hidden: fields, texts, objects, tracebacks, spans."""

import dataclasses
import json
import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import structlog
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import Link, Status, StatusCode
from pydantic import BaseModel

from firstlight import Settings
from firstlight.logs.pipeline import configure
from firstlight.testing.lines import Lines
from firstlight.traces.encoding import encode

from ..faults import IDENTITY

CORE = "Kw2_qz9"
SECRETS = {
    "password": f"Xy7 {CORE}",
    "access_token": f"Xy7-{CORE}",
    "note": "ghp_" + f"abcdefgh{CORE}".replace("_", "0") * 3,
    "Cookie": f"theme=dark; sid={CORE}",
}
CORES = (CORE, CORE.replace("_", "0"))


@dataclasses.dataclass
class Account:
    """As a library logs it."""

    user: str
    password: str


class Login(BaseModel):
    """As pydantic shows it."""

    user: str
    password: str


@pytest.fixture
def lines(settings: Settings) -> Iterator[Lines]:
    """What a configured pipeline writes."""
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    written = Lines()
    configure(settings, IDENTITY, written)
    yield written
    root.handlers = handlers
    root.setLevel(level)
    structlog.contextvars.clear_contextvars()


def failing() -> None:
    """An error with a cause, a note, and a group around it."""
    text = json.dumps(SECRETS)
    try:
        try:
            raise LookupError(text)  # noqa: TRY301 - as a program fails
        except LookupError as cause:
            error = ValueError(f"refused: {SECRETS}")
            error.add_note(f"password={CORE}")
            raise error from cause
    except ValueError as inner:
        message = f"Authorization: Custom {CORE}"
        raise ExceptionGroup(message, [inner, KeyError(SECRETS["note"])]) from None


def bind(value: Any) -> None:
    """A field of every line."""
    structlog.contextvars.bind_contextvars(bound=value, **SECRETS)
    structlog.get_logger().info("thing.happened")


def fail() -> None:
    """A traceback."""
    try:
        failing()
    except ExceptionGroup:
        structlog.get_logger().exception("thing.failed")


SINKS: dict[str, Callable[[], object]] = {
    "fields": lambda: structlog.get_logger().info("thing.happened", **SECRETS),
    "event": lambda: structlog.get_logger().info(f"got {SECRETS}"),
    "arguments": lambda: structlog.get_logger().info("got %s and %s", SECRETS, f"pwd={CORE}"),
    "contextvars": lambda: bind(SECRETS),
    "nested": lambda: structlog.get_logger().info("thing.happened", a=[{"b": ({"c": SECRETS},)}]),
    "pairs": lambda: structlog.get_logger().info("x", headers=[(k.encode(), v.encode()) for k, v in SECRETS.items()]),
    "set": lambda: structlog.get_logger().info("thing.happened", a={f"token={CORE}", SECRETS["note"]}),
    "bytes": lambda: structlog.get_logger().info("thing.happened", a=json.dumps(SECRETS).encode(), b=bytearray(b"x")),
    "dataclass": lambda: structlog.get_logger().info("x", a=Account("bob", CORE), b=[Account("bob", f"a'\" {CORE}")]),
    "pydantic": lambda: structlog.get_logger().info("x", a=Login(user="bob", password=CORE), b=str(SECRETS)),
    "exception": lambda: structlog.get_logger().info("x", a=LookupError(json.dumps(SECRETS)), b=[KeyError(SECRETS)]),
    "traceback": fail,
    "stdlib": lambda: logging.getLogger("x").warning("got %s", SECRETS, extra=SECRETS, stack_info=True),
}


@pytest.mark.parametrize("sink", SINKS)
def test_no_line_holds_a_secret(lines: Lines, sink: str) -> None:
    """Whatever holds it, and however it comes."""
    SINKS[sink]()
    text = b"".join(lines.raw).decode()
    assert text
    assert [core for core in CORES if core in text] == []
    assert "REDACTED" in text


def recorded() -> ReadableSpan:
    """A span with secrets in all of its parts."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracer = provider.get_tracer("test")
    linked = tracer.start_span("linked").get_span_context()
    span = tracer.start_span(f"GET /?token={CORE}", links=[Link(linked, dict(SECRETS))])
    span.set_attributes({**SECRETS, "headers": [f"Cookie: a=b; sid={CORE}"], "tokens": 12, "db.query.text": "SELECT 1"})
    span.add_event(f"sent password={CORE}", SECRETS)
    try:
        failing()
    except ExceptionGroup as error:
        span.record_exception(error)
    span.set_status(Status(StatusCode.ERROR, f"refused: password={CORE}"))
    span.end()
    (found,) = exporter.get_finished_spans()
    return found


def test_no_exported_span_holds_a_secret() -> None:
    """Name, attributes, events, `record_exception`, links, status; what is no secret is exported as it is."""
    span = recorded()
    stock, ours = encode_spans([span]).resource_spans[0].scope_spans[0].spans[0], encode([span])
    assert CORE in str(stock)
    assert [core for core in CORES if core.encode() in ours] == []
    (exported,) = ExportTraceServiceRequest.FromString(ours).resource_spans[0].scope_spans[0].spans
    attributes = {pair.key: pair.value for pair in exported.attributes}
    assert attributes["tokens"].int_value == 12
    assert attributes["db.query.text"].string_value == "SELECT 1"
    assert attributes["password"].string_value == "REDACTED"
    assert [event.name for event in exported.events] == ["sent password=REDACTED", "exception"]


def test_a_plain_span_goes_the_short_way_without_secrets() -> None:
    """The encoder of our own does what the stock one does."""
    provider = TracerProvider(shutdown_on_exit=False)
    exporter = InMemorySpanExporter()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    for _ in range(2):  # the second time from the cache
        span = provider.get_tracer("test").start_span(f"GET /a?token={CORE}")
        span.set_attributes({**SECRETS, "url.full": f"https://a.example/{SECRETS['note']}?code={CORE}", "pin": 1234})
        span.end()
    ours = encode(exporter.get_finished_spans())
    assert [core for core in CORES if core.encode() in ours] == []
    spans = ExportTraceServiceRequest.FromString(ours).resource_spans[0].scope_spans[0].spans
    shown = [{pair.key: pair.value.string_value for pair in each.attributes} for each in spans]
    assert [(each["url.full"], each["pin"]) for each in shown] == [
        ("https://a.example/REDACTED?code=REDACTED", "REDACTED")
    ] * 2
    assert {each.name for each in spans} == {"GET /a?token=REDACTED"}
