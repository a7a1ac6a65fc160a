"""Every line of the process, whoever writes it, is one redacted JSON object that finds its request."""

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

from firstlight.context import (
    REQUEST,
    RequestContext,
)
from firstlight.logs.pipeline import Emit, configure
from firstlight.metrics.instruments import REGISTRY
from firstlight.settings import Settings

Line = dict[str, Any]
Log = Any  # structlog's own type for a logger
PROGRAM = """
import logging, sys, warnings
import structlog
from firstlight.logs import pipeline as ours
from firstlight.logs import sink
from firstlight.settings import Settings

warnings.simplefilter("always")
ours.configure(Settings(log_format=sys.argv[1]))
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
def emit(settings: Settings, lines: Any) -> Emit:
    """The short way in, of a configured pipeline."""
    del lines
    return configure(settings)


@pytest.fixture
def log(emit: Emit) -> Log:
    """A logger that no earlier test has configured."""
    del emit
    return structlog.get_logger()


@pytest.fixture
def console(settings: Settings, lines: Any) -> Callable[[], str]:
    """What a person at a terminal reads."""
    configure(settings.model_copy(update={"log_format": "console"}))
    return lambda: b"".join(lines).decode()


class Unspeakable:
    """An object that cannot even be shown."""

    def __repr__(self) -> str:
        """Fail."""
        msg = "no words"
        raise LookupError(msg)

    __str__ = __repr__


@dataclasses.dataclass
class Account:
    """What a library might hand to a logger."""

    user: str
    password: str


def broken(message: str) -> NoReturn:
    """Fail."""
    raise LookupError(message)


def only(lines: Any) -> Line:
    """The one line there is, which must be one valid JSON object."""
    (raw,) = lines
    assert raw.endswith(b"\n")
    assert raw.count(b"\n") == 1
    line = json.loads(raw, parse_constant=lambda constant: pytest.fail(f"{constant} is no JSON"))
    assert isinstance(line, dict)
    return line


def test_a_line_has_the_contract_s_fields(log: Log, lines: Any, settings: Settings) -> None:
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
        "service": settings.otel_service_name,
        "version": settings.version,
        "env": "development",
        "answer": 42,
    }


def test_nobody_can_speak_as_another_service(log: Log, lines: Any, settings: Settings) -> None:
    """A field that is called like a part of the identity does not replace it."""
    log.info("dependency.called", service="billing", version="9", env="moon", timestamp="never")
    line = only(lines)
    assert (line["service"], line["version"], line["env"]) == (
        settings.otel_service_name,
        settings.version,
        settings.environment,
    )
    assert datetime.fromisoformat(line["timestamp"]).tzinfo is not None


@pytest.mark.parametrize("level", ["debug", "info", "warning", "error", "critical"])
@pytest.mark.parametrize("minimum", ["debug", "info", "warning", "error"])
def test_each_way_in_obeys_the_level(settings: Settings, lines: Any, level: str, minimum: str) -> None:
    """Our events, the standard library's records and complete events are filtered alike, and counted when written."""
    written = REGISTRY.get_sample_value("log_events_total", {"level": level})
    assert written is not None
    emit = configure(settings.model_copy(update={"log_level": minimum}))
    getattr(structlog.get_logger(), level)("one")
    getattr(logging.getLogger("library"), level)("two")
    emit({"level": level, "event": "three"})
    order = ("debug", "info", "warning", "error", "critical")
    expected = ["one", "two", "three"] if order.index(level) >= order.index(minimum) else []
    assert [(line["event"], line["level"]) for line in lines.events] == [(event, level) for event in expected]
    assert REGISTRY.get_sample_value("log_events_total", {"level": level}) == written + len(expected)


def test_records_of_the_standard_library_arrive_once(emit: Emit, lines: Any) -> None:
    """Whatever handlers a library has put up before, a record is one line with its logger's name."""
    del emit
    logger = logging.getLogger("library.part")
    logger.warning("took %d ms", 7)
    line = only(lines)
    assert (line["event"], line["level"], line["logger"]) == ("took 7 ms", "warning", "library.part")


def test_configuring_twice_does_not_double_lines(settings: Settings, lines: Any) -> None:
    """Tests and reloaders make the application more than once."""
    configure(settings)
    configure(settings)
    logging.getLogger("library").warning("once")
    only(lines)


def test_an_unknown_level_is_shown_as_info(emit: Emit, lines: Any) -> None:
    """Libraries may invent levels; the contract's five stay."""
    del emit
    logging.getLogger("library").log(25, "notice")
    assert only(lines)["level"] == "info"


def test_a_record_that_cannot_be_formatted_is_no_exception(settings: Settings, lines: Any) -> None:
    """The standard library never lets a wrong argument reach the caller, and nor do we."""
    configure(settings)  # here: pytest's own handlers, which would raise, come back after the fixtures
    logging.getLogger("library").warning("took %d ms", "seven")
    assert "took %d ms" in only(lines)["event"]


def test_warnings_are_lines(settings: Settings, lines: Any) -> None:
    """Deprecations are told like everything else, on one line."""
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(capture=False)
        configure(settings)
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
def test_an_exception_is_a_redacted_field(emit: Emit, lines: Any, record: Callable[[], None]) -> None:
    """The traceback stands in the line, without what the message gave away."""
    del emit
    try:
        broken("cannot reach postgres://admin:hunter2@db\nfor bob@example.com")
    except LookupError:
        record()
    line = only(lines)
    assert line["level"] == "error"
    assert line["exception"].startswith("Traceback (most recent call last):\n")
    assert "LookupError: cannot reach postgres://REDACTED@db" in line["exception"]
    assert not {word for word in ("hunter2", "bob@example.com") if word in json.dumps(line)}


def test_no_exception_is_no_field(emit: Emit, lines: Any) -> None:
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
def test_secrets_do_not_reach_a_line(log: Log, lines: Any, fields: Mapping[str, Any]) -> None:
    """By name and by shape, in whatever object they come."""
    log.info("thing.happened", **fields)
    assert "hunter2" not in json.dumps(only(lines))


def test_secrets_of_third_parties_do_not_either(emit: Emit, lines: Any) -> None:
    """A library knows nothing of our deny-list."""
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
        Unspeakable(),
        [Unspeakable()],
        {Unspeakable: Unspeakable()},
        uuid.UUID(int=7),
        datetime(2026, 1, 1, tzinfo=UTC),
        Account("bob", "x"),
        LookupError("x"),
        lambda: None,
        "x" * 100_000,
    ],
    ids=lambda value: type(value).__name__,
)
def test_any_value_makes_one_valid_line(log: Log, lines: Any, value: object) -> None:
    """What cannot be shown as it is, is shown somehow: a log call never fails, and the line keeps its form."""
    log.info("thing.happened", value=value, second=2)
    line = only(lines)
    assert (line["event"], line["level"], line["second"]) == ("thing.happened", "info", 2)
    assert "value" in line
    assert datetime.fromisoformat(line["timestamp"]).tzinfo is not None


@pytest.mark.parametrize(
    "value", [2**70, "\ud800", {b"a": 1}, {(1,): 2}, Unspeakable()], ids=lambda value: type(value).__name__
)
def test_a_value_that_is_hard_to_show_harms_no_other(log: Log, lines: Any, value: object) -> None:
    """The rest of the line is what it would be without it."""
    log.info("thing.happened", ratio=float("nan"), when=datetime(2026, 1, 1, tzinfo=UTC), password="x", value=value)  # noqa: S106 - to be redacted
    line = only(lines)
    assert (line["ratio"], line["when"], line["password"]) == (None, "2026-01-01T00:00:00Z", "REDACTED")


def test_a_line_of_a_request_carries_its_ids(log: Log, lines: Any) -> None:
    """Ours and the standard library's lines alike, also for what contextvars have bound."""
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


def test_a_line_inside_a_child_span_carries_the_child_s_id(log: Log, lines: Any) -> None:
    """A line leads to the span it was written in, padded to its full width."""
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


def test_a_real_child_span_s_line_belongs_to_it(log: Log, lines: Any) -> None:
    """As an instrumentation in a handler would make it."""
    tracer = TracerProvider(shutdown_on_exit=False).get_tracer("test")
    token = REQUEST.set(RequestContext("req", "", ""))
    with tracer.start_as_current_span("child") as span:
        log.info("inside")
    REQUEST.reset(token)
    context = span.get_span_context()
    line = only(lines)
    assert (int(line["trace_id"], 16), int(line["span_id"], 16)) == (context.trace_id, context.span_id)


def test_uvicorn_s_traceback_is_not_a_second_line(emit: Emit, lines: Any) -> None:
    """The data plane has said it, with the request's ids; what else uvicorn has to say stays."""
    del emit
    uvicorn = logging.getLogger("uvicorn.error")
    uvicorn.error("Exception in ASGI application\n", exc_info=LookupError())
    uvicorn.info("Started server process")
    assert lines == []
    uvicorn.error("Cannot bind")
    assert only(lines)["event"] == "Cannot bind"


@pytest.mark.parametrize(
    "noise",
    [
        "opentelemetry.exporter.otlp.proto.http.trace_exporter",
        "opentelemetry.trace.span",
        "opentelemetry.baggage.propagation",
        "urllib3.connectionpool",
    ],
)
def test_chatter_is_quiet(emit: Emit, lines: Any, noise: str) -> None:
    """Retries that we report once, and what clients sent, are not repeated line by line."""
    del emit
    logging.getLogger(noise).warning("evil %s", "member")
    assert lines == []


def test_the_format_follows_the_terminal(settings: Settings, lines: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A person reads text, a collector JSON, unless told otherwise."""
    for terminal, wanted, is_json in ((True, "auto", False), (False, "auto", True), (True, "json", True)):
        monkeypatch.setattr(sys.stdout, "isatty", lambda terminal=terminal: terminal)
        lines.clear()
        configure(settings.model_copy(update={"log_format": wanted}))({"level": "info", "event": "thing.happened"})
        assert lines[0].startswith(b"{") is is_json


def test_a_person_can_read_it(console: Callable[[], str]) -> None:
    """Time, level, event, fields."""
    structlog.get_logger().info("thing.happened", answer=42)
    text = re.sub(r"\x1b\[\d*m", "", console())
    assert re.match(r"\d\d:\d\d:\d\d\.\d{3} \[info *\] thing\.happened +.*answer=42", text)


HOSTILE = "x\r\n\x1b[2J\x1b]0;evil\x07\x9b31m\x7f\x85\u2028y"


class Hostile:
    """An object whose text is the client's."""

    def __repr__(self) -> str:
        """What the client sent."""
        return HOSTILE


@pytest.mark.parametrize(
    "say",
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
def test_no_client_steers_the_terminal(console: Callable[[], str], say: Callable[[Log], None]) -> None:
    """Colours are ours; control characters from outside are replaced, so that no line can be forged."""
    say(structlog.get_logger())
    text = re.sub(r"\x1b\[\d{0,2}m", "", console())
    assert text.endswith("\n")
    assert [character for character in text[:-1] if not character.isprintable()] == []


def test_a_traceback_at_the_terminal_is_tame(console: Callable[[], str]) -> None:
    """It keeps its lines and loses what else a message may hold."""
    try:
        broken(HOSTILE)
    except LookupError:
        structlog.get_logger().exception("broke", lone="\ud800")
    text = re.sub(r"\x1b\[\d{0,2}m", "", console())
    assert "Traceback (most recent call last):\n" in text
    assert [character for character in text if not character.isprintable() and character != "\n"] == []


@pytest.mark.parametrize("form", ["json", "console"])
def test_a_whole_process_writes_to_standard_output_only(form: str) -> None:
    """Warnings, libraries and our own events come out of one pipe, in order, once each."""
    done = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-c", PROGRAM, form], capture_output=True, check=True, timeout=30
    )
    assert done.stderr == b""
    said = done.stdout.decode()
    assert not {word for word in ("hunter2", "bob@example.com", "\x1b[2J", "\r") if word in said}
    found = [said.index(word) for word in ("is deprecated", "mail to REDACTED", "program.finished")]
    assert found == sorted(found)
    if form == "json":
        assert len([json.loads(line) for line in said.splitlines()]) == 3


def test_a_request_that_fails_in_the_server_is_one_failure(serve: Callable[..., Any]) -> None:
    """In the real process: one event with the traceback, one access event, nothing from uvicorn."""
    service = serve().started()
    assert service.get("/faults/fail").status_code == 500
    service.terminate()
    told = [line["event"] for line in service.lines if line["event"].startswith("http.") or "logger" in line]
    assert sorted(told) == ["http.request_failed", "http.request_finished"]
    assert "hunter2" not in json.dumps(service.lines)
    assert service.error == ""
