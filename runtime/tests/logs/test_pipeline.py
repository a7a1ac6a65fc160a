"""Every line of the process, the libraries' included, is one redacted JSON object with the ids of its request."""

import dataclasses
import json
import logging
import re
import subprocess
import sys
import uuid
import warnings
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, NoReturn

import pytest
import structlog
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider

from firstlight import Settings
from firstlight.context import REQUEST, RequestContext
from firstlight.logs.emit import Emit
from firstlight.logs.pipeline import configure
from firstlight.metrics.instruments import REGISTRY
from firstlight.testing import ServiceProcess
from firstlight.testing.lines import Line, Lines

from ..conftest import FAULTS
from ..faults import IDENTITY

Log = Any  # structlog's own type for a logger
PROGRAM = """
import logging, sys, warnings
import structlog
from firstlight import Identity, Settings
from firstlight.logs import pipeline, sink

warnings.simplefilter("always")
pipeline.configure(Settings(log_format=sys.argv[1]), Identity(name="sample", version="1.2.3"), sink.stdout)
warnings.warn("password=hunter2 is deprecated")
logging.getLogger("library").warning("mail to %s", "bob@example.com")
structlog.get_logger().info("program.finished", text="\\x1b[2J\\r\\nfake")
sink.stdout.flush(10)
"""


@pytest.fixture(autouse=True)
def _leave_no_trace() -> Iterator[None]:
    """Give the standard library's root logger back as it was."""
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    yield
    root.handlers = handlers
    root.setLevel(level)
    logging.captureWarnings(capture=False)
    structlog.contextvars.clear_contextvars()


@pytest.fixture
def emit(settings: Settings, lines: Lines) -> Emit:
    """A configured pipeline: the function for complete events."""
    return configure(settings, IDENTITY, lines)


@pytest.fixture
def log(emit: Emit) -> Log:
    """A logger of the configured pipeline."""
    del emit
    return structlog.get_logger()


@pytest.fixture
def console(settings: Settings, lines: Lines) -> Callable[[], str]:
    """The text that a person at a terminal reads."""
    configure(settings.model_copy(update={"log_format": "console"}), IDENTITY, lines)
    return lambda: b"".join(lines.raw).decode()


class Unprintable:
    """An object without a representation."""

    def __repr__(self) -> str:
        """Raise."""
        msg = "no representation"
        raise LookupError(msg)

    __str__ = __repr__


@dataclasses.dataclass
class Account:
    """What a library might hand to a logger."""

    user: str
    password: str


def broken(message: str) -> NoReturn:
    """Raise an error with this message."""
    raise LookupError(message)


def only(lines: Lines) -> Line:
    """The one line there is, which must be one valid JSON object."""
    (raw,) = lines.raw
    assert raw.endswith(b"\n")
    assert raw.count(b"\n") == 1
    line = json.loads(raw, parse_constant=lambda constant: pytest.fail(f"{constant} is no JSON"))
    assert isinstance(line, dict)
    return line


def test_a_line_has_the_contract_s_fields(log: Log, lines: Lines) -> None:
    """Identity and a UTC timestamp by ISO 8601 come first."""
    before = datetime.now(UTC)
    log.info("thing.happened", answer=42)
    line = only(lines)
    assert list(line) == ["timestamp", "level", "event", "service", "version", "env", "answer"]
    assert line["timestamp"].endswith("Z")
    assert before <= datetime.fromisoformat(line["timestamp"]) <= datetime.now(UTC)
    assert {key: line[key] for key in ("level", "event", "service", "version", "env", "answer")} == {
        "level": "info",
        "event": "thing.happened",
        "service": IDENTITY.name,
        "version": IDENTITY.version,
        "env": "development",
        "answer": 42,
    }


def test_a_field_does_not_replace_the_identity(log: Log, lines: Lines, settings: Settings) -> None:
    """A caller cannot set service, version, environment or time."""
    log.info("dependency.called", service="billing", version="9", env="moon", timestamp="never")
    line = only(lines)
    assert (line["service"], line["version"], line["env"]) == (
        IDENTITY.name,
        IDENTITY.version,
        settings.environment,
    )
    assert datetime.fromisoformat(line["timestamp"]).tzinfo is not None


@pytest.mark.parametrize("level", ["debug", "info", "warning", "error", "critical"])
@pytest.mark.parametrize("minimum", ["debug", "info", "warning", "error"])
def test_every_source_of_lines_obeys_the_level(settings: Settings, lines: Lines, level: str, minimum: str) -> None:
    """Structlog, the standard library and complete events are filtered alike, and counted when written."""
    written = REGISTRY.get_sample_value("log_events_total", {"level": level})
    assert written is not None
    emit = configure(settings.model_copy(update={"log_level": minimum}), IDENTITY, lines)
    getattr(structlog.get_logger(), level)("one")
    getattr(logging.getLogger("library"), level)("two")
    emit({"level": level, "event": "three"})
    order = ("debug", "info", "warning", "error", "critical")
    expected = ["one", "two", "three"] if order.index(level) >= order.index(minimum) else []
    assert [(line["event"], line["level"]) for line in lines.events] == [(event, level) for event in expected]
    assert REGISTRY.get_sample_value("log_events_total", {"level": level}) == written + len(expected)


def test_records_of_the_standard_library_arrive_once(emit: Emit, lines: Lines) -> None:
    """Whatever handlers a library has put up before, a record is one line with its logger's name."""
    del emit
    logger = logging.getLogger("library.part")
    logger.warning("took %d ms", 7)
    line = only(lines)
    assert (line["event"], line["level"], line["logger"]) == ("took 7 ms", "warning", "library.part")


def test_a_cached_logger_writes_to_the_pipeline_configured_last(settings: Settings, lines: Lines) -> None:
    """A module's logger is cached at its first use, and belongs to each application of the process in turn."""
    log, before = structlog.get_logger(), Lines()
    configure(settings, IDENTITY, before)
    log.info("one")
    configure(settings, IDENTITY, lines)
    log.info("two")
    assert [line["event"] for line in before.events] == ["one"]
    assert [line["event"] for line in lines.events] == ["two"]


def test_configuring_twice_does_not_double_lines(settings: Settings, lines: Lines) -> None:
    """Tests and reloaders make more than one application in a process."""
    configure(settings, IDENTITY, lines)
    configure(settings, IDENTITY, lines)
    logging.getLogger("library").warning("once")
    only(lines)


def test_a_record_that_cannot_be_formatted_raises_nothing(settings: Settings, lines: Lines) -> None:
    """As in the standard library, a wrong argument does not reach the caller."""
    configure(settings, IDENTITY, lines)  # here: pytest's own handlers, which would raise, come back after the fixtures
    logging.getLogger("library").warning("took %d ms", "seven")
    assert "took %d ms" in only(lines)["event"]


def test_warnings_are_lines(settings: Settings, lines: Lines) -> None:
    """A deprecation is one line, as any other event."""
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(capture=False)
        configure(settings, IDENTITY, lines)
        warnings.warn("old and password=hunter2", DeprecationWarning, stacklevel=1)
    line = only(lines)
    assert (line["logger"], line["level"]) == ("py.warnings", "warning")
    assert "DeprecationWarning: old and password=REDACTED" in line["event"]


@pytest.mark.parametrize(
    "record",
    [
        lambda: structlog.get_logger().exception("broke"),
        lambda: structlog.get_logger().error("broke", exc_info=True),
        lambda: logging.getLogger("library").exception("broke"),  # noqa: LOG004 - called in one
    ],
    ids=["structlog", "structlog by flag", "stdlib"],
)
def test_an_exception_is_a_redacted_field(emit: Emit, lines: Lines, record: Callable[[], None]) -> None:
    """The line holds the traceback, without the secrets of its message."""
    del emit
    try:
        broken("cannot reach postgres://admin:hunter2@db\nfor bob@example.com")
    except LookupError:
        record()
    line = only(lines)
    assert line["level"] == "error"
    assert line["exception"].startswith("LookupError: cannot reach postgres://REDACTED@db\n")
    assert "\nTraceback (most recent call last):\n" in line["exception"]
    assert not {word for word in ("hunter2", "bob@example.com") if word in json.dumps(line)}


def test_no_exception_is_no_field(emit: Emit, lines: Lines) -> None:
    """`logger.exception` outside a handler is a plain line."""
    del emit
    logging.getLogger("library").error("fine", exc_info=True)  # noqa: LOG014 - on purpose
    assert only(lines).get("exception") in (None, "NoneType: None")


@pytest.mark.parametrize(
    "fields",
    [
        {"password": "hunter2"},
        {"request": {"headers": [{"authorization": "hunter2"}]}},
        {"reason": "token=hunter2 refused"},
        {"error": LookupError("password=hunter2")},
        {"account": Account("bob", "hunter2")},
        {"raw": b"password=hunter2"},
        {"accounts": [Account("bob", "hunter2")]},
        {"exc_info": LookupError("password=hunter2")},
    ],
    ids=str,
)
def test_secrets_do_not_reach_a_line(log: Log, lines: Lines, fields: Mapping[str, Any]) -> None:
    """By name and by shape, in any kind of object."""
    log.info("thing.happened", **fields)
    assert "hunter2" not in json.dumps(only(lines))


def test_secrets_in_records_of_libraries_do_not_reach_a_line(emit: Emit, lines: Lines) -> None:
    """A library does not know the deny-list."""
    del emit
    logging.getLogger("library").info("POST https://api.example/pay?key=hunter2 with %s", {"card_number": "hunter2"})
    assert "hunter2" not in json.dumps(only(lines))


@pytest.mark.parametrize(
    "value",
    [
        "line\nfeed",
        "\r\n\x00\x1b[2J\x7f\x85\u2028",
        '","level":"critical","x":"',
        "\ud800",
        2**70,
        -(2**70),
        float("nan"),
        float("inf"),
        b"\xff\x00",
        {1, 2},
        {7: "a", None: "b", 1.5: "c", True: "d"},
        {(1, 2): "a"},
        {b"a": 1},
        {2**70: 1},
        {"\ud800": 1},
        {"a": {("deep",): [2**70]}},
        object(),
        Unprintable(),
        [Unprintable()],
        {Unprintable: Unprintable()},
        uuid.UUID(int=7),
        datetime(2026, 1, 1, tzinfo=UTC),
        Account("bob", "x"),
        LookupError("x"),
        lambda: None,
        "x" * 100_000,
    ],
    ids=lambda value: type(value).__name__,
)
def test_any_value_makes_one_valid_line(log: Log, lines: Lines, value: object) -> None:
    """A log call never fails, and the line keeps its form."""
    log.info("thing.happened", value=value, second=2)
    line = only(lines)
    assert (line["event"], line["level"], line["second"]) == ("thing.happened", "info", 2)
    assert "value" in line
    assert datetime.fromisoformat(line["timestamp"]).tzinfo is not None


@pytest.mark.parametrize(
    "value", [2**70, "\ud800", {b"a": 1}, {(1,): 2}, Unprintable()], ids=lambda value: type(value).__name__
)
def test_a_value_without_a_representation_changes_no_other_field(log: Log, lines: Lines, value: object) -> None:
    """The rest of the line is what it would be without it."""
    log.info("thing.happened", ratio=float("nan"), when=datetime(2026, 1, 1, tzinfo=UTC), password="x", value=value)  # noqa: S106 - to be redacted
    line = only(lines)
    assert (line["ratio"], line["when"], line["password"]) == (None, "2026-01-01T00:00:00Z", "REDACTED")


def test_a_line_of_a_request_carries_its_ids(log: Log, lines: Lines) -> None:
    """Lines of structlog and of the standard library, with the fields that contextvars have bound."""
    token = REQUEST.set(RequestContext("req", "a" * 32, "b" * 16))
    structlog.contextvars.bind_contextvars(user_id=7)
    log.info("one")
    logging.getLogger("library").warning("two")
    REQUEST.reset(token)
    structlog.contextvars.clear_contextvars()
    log.info("three")
    ids = [(line.get("request_id"), line.get("trace_id"), line.get("span_id")) for line in lines.events]
    assert ids == [("req", "a" * 32, "b" * 16)] * 2 + [(None, None, None)]
    assert [line.get("user_id") for line in lines.events] == [7, 7, None]


def test_a_line_inside_a_child_span_carries_the_child_s_id(log: Log, lines: Lines) -> None:
    """A line names the span it was written in, padded to full width."""
    token = REQUEST.set(RequestContext("req", "0" * 31 + "1", "0" * 15 + "1"))
    context = trace.SpanContext(trace_id=1, span_id=2, is_remote=False)
    with trace.use_span(trace.NonRecordingSpan(context)):
        log.info("inside")
    log.info("outside")
    REQUEST.reset(token)
    assert [(line["trace_id"], line["span_id"]) for line in lines.events] == [
        ("0" * 31 + "1", "0" * 15 + "2"),
        ("0" * 31 + "1", "0" * 15 + "1"),
    ]


def test_a_real_child_span_s_line_belongs_to_it(log: Log, lines: Lines) -> None:
    """A span as an instrumentation in a handler makes it."""
    tracer = TracerProvider(shutdown_on_exit=False).get_tracer("test")
    token = REQUEST.set(RequestContext("req", "", ""))
    with tracer.start_as_current_span("child") as span:
        log.info("inside")
    REQUEST.reset(token)
    context = span.get_span_context()
    line = only(lines)
    assert (int(line["trace_id"], 16), int(line["span_id"], 16)) == (context.trace_id, context.span_id)


def test_uvicorn_s_traceback_is_not_a_second_line(emit: Emit, lines: Lines) -> None:
    """The data plane has logged it with the request's ids; other lines of uvicorn stay."""
    del emit
    uvicorn = logging.getLogger("uvicorn.error")
    uvicorn.error("Exception in ASGI application\n", exc_info=LookupError())
    uvicorn.info("Started server process")
    assert lines.raw == []
    uvicorn.error("Cannot bind")
    assert only(lines)["event"] == "Cannot bind"


@pytest.mark.parametrize(
    "logger",
    [
        "opentelemetry.exporter.otlp.proto.http.trace_exporter",
        "opentelemetry.trace.span",
        "opentelemetry.baggage.propagation",
        "urllib3.connectionpool",
    ],
)
def test_repeated_lines_of_libraries_are_dropped(emit: Emit, lines: Lines, logger: str) -> None:
    """Retries that are reported once, and what clients sent, are not logged line by line."""
    del emit
    logging.getLogger(logger).warning("evil %s", "member")
    assert lines.raw == []


def test_the_format_follows_the_terminal(settings: Settings, lines: Lines, monkeypatch: pytest.MonkeyPatch) -> None:
    """`auto`: text for a person, JSON for a collector."""
    for terminal, wanted, is_json in ((True, "auto", False), (False, "auto", True), (True, "json", True)):
        monkeypatch.setattr(sys.stdout, "isatty", lambda terminal=terminal: terminal)
        lines.raw.clear()
        emit = configure(settings.model_copy(update={"log_format": wanted}), IDENTITY, lines)
        emit({"level": "info", "event": "thing.happened"})
        assert lines.raw[0].startswith(b"{") is is_json


HOSTILE = "x\r\n\x1b[2J\x1b]0;evil\x07\x9b31m\x7f\x85\u2028y"


class Hostile:
    """An object that is represented by a client's text."""

    def __repr__(self) -> str:
        """Text of a client."""
        return HOSTILE


@pytest.mark.parametrize(
    "write",
    [
        lambda log: log.info(HOSTILE),
        lambda log: log.info("thing.happened", value=HOSTILE),
        lambda log: log.info("thing.happened", value=[HOSTILE], members={"a": HOSTILE}),
        lambda log: log.info("thing.happened", value=Hostile()),
        lambda log: log.info("thing.happened", value=[Hostile()]),
        lambda log: log.info("thing.happened", **{HOSTILE: 1}),
        lambda log: log.info("thing.happened", members={HOSTILE: 1}),
        lambda log: log.info("thing.happened", logger=HOSTILE),
        lambda _: logging.getLogger("library").warning("said %s", HOSTILE),
        lambda _: logging.getLogger(HOSTILE).warning("said"),
    ],
    ids=["event", "value", "nested", "object", "nested object", "key", "nested key", "logger", "stdlib", "stdlib name"],
)
def test_no_client_controls_the_terminal(console: Callable[[], str], write: Callable[[Log], None]) -> None:
    """Control characters from outside are replaced, so that no line can be forged; only colours are written."""
    write(structlog.get_logger())
    text = re.sub(r"\x1b\[\d{0,2}m", "", console())
    assert text.endswith("\n")
    assert [character for character in text[:-1] if not character.isprintable()] == []


def test_a_traceback_at_the_terminal_has_no_control_characters(console: Callable[[], str]) -> None:
    """It keeps its line breaks; other control characters of the message are replaced."""
    try:
        broken(HOSTILE)
    except LookupError:
        structlog.get_logger().exception("broke", lone="\ud800")
    text = re.sub(r"\x1b\[\d{0,2}m", "", console())
    assert "Traceback (most recent call last):\n" in text
    assert [character for character in text if not character.isprintable() and character != "\n"] == []


@pytest.mark.parametrize("form", ["json", "console"])
def test_a_whole_process_writes_to_standard_output_only(form: str) -> None:
    """Warnings, records of libraries and events come out of one pipe, in order, once each."""
    done = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-c", PROGRAM, form], capture_output=True, check=True, timeout=30
    )
    assert done.stderr == b""
    output = done.stdout.decode()
    assert not {word for word in ("hunter2", "bob@example.com", "\x1b[2J", "\r") if word in output}
    found = [output.index(word) for word in ("is deprecated", "mail to REDACTED", "program.finished")]
    assert found == sorted(found)
    if form == "json":
        assert len([json.loads(line) for line in output.splitlines()]) == 3


def test_a_request_that_fails_in_the_server_is_one_failure(serve: Callable[..., ServiceProcess]) -> None:
    """In a real process: one event with the traceback, one access event, nothing from uvicorn."""
    service = serve(str(FAULTS)).started()
    assert service.get("/faults/fail").status_code == 500
    service.terminate()
    events = [line["event"] for line in service.lines if line["event"].startswith("http.") or "logger" in line]
    assert sorted(events) == ["http.request_failed", "http.request_finished"]
    assert "hunter2" not in json.dumps(service.lines)
    assert service.error == ""
