"""structlog's logger with any arguments, under each of its names."""

import asyncio
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from structlog.testing import capture_logs

from firstlight import Settings
from firstlight.logs.emit import Emit
from firstlight.logs.limits import LINE_BYTES
from firstlight.logs.pipeline import configure
from firstlight.metrics.instruments import REGISTRY
from firstlight.testing.lines import Lines

from ..faults import IDENTITY
from .hostile import Refusal, Silent, Text


@pytest.fixture
def emit(settings: Settings, lines: Lines) -> Iterator[Emit]:
    """The function for complete events."""
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    yield configure(settings.model_copy(update={"log_level": "debug"}), IDENTITY, lines)
    root.handlers = handlers
    root.setLevel(level)
    logging.captureWarnings(capture=False)


@pytest.fixture
def log(emit: Emit) -> Any:
    """A logger of the pipeline."""
    del emit
    return structlog.get_logger()


NAMES = {
    "debug": "debug",
    "info": "info",
    "msg": "info",
    "warning": "warning",
    "warn": "warning",
    "error": "error",
    "exception": "error",
    "critical": "critical",
    "fatal": "critical",
}


def not_rendered() -> float:
    """Events that could not be rendered so far."""
    value = REGISTRY.get_sample_value("telemetry_dropped_total", {"signal": "logs", "reason": "not_rendered"})
    assert value is not None
    return value


@pytest.mark.parametrize("name", NAMES)
def test_each_name_writes_its_level(log: Any, lines: Lines, name: str) -> None:
    """Called and awaited."""
    getattr(log, name)("order %s placed", 7, total=1)
    asyncio.run(getattr(log, f"a{name}")("order %s placed", 7, total=1))
    assert [(line["level"], line["event"], line["total"]) for line in lines.named("order 7 placed")] == [
        (NAMES[name], "order 7 placed", 1)
    ] * 2


@pytest.mark.parametrize(("number", "level"), [(10, "debug"), (25, "info"), (45, "error"), (1000, "critical")])
def test_numeric_levels(log: Any, lines: Lines, number: int, level: str) -> None:
    """As the standard library's."""
    log.log(number, "order.placed")
    asyncio.run(log.alog(number, "order.placed"))
    assert [line["level"] for line in lines.named("order.placed")] == [level, level]
    assert log.is_enabled_for(10)
    assert not log.is_enabled_for(9)
    assert log.bind().get_effective_level() == 10


def test_an_awaited_call_has_the_exception_at_hand(log: Any, lines: Lines) -> None:
    """It runs where it is awaited."""

    async def fail() -> None:
        try:
            int("bad")
        except ValueError:
            await log.aexception("broke")

    asyncio.run(fail())
    assert lines.named("broke")[0]["exception"].startswith("ValueError: invalid literal")


@pytest.mark.parametrize("name", ["event", "level", "self", "method_name", "logger", "arguments"])
def test_a_field_may_have_any_name(log: Any, lines: Lines, name: str) -> None:
    """One with the name of a part of the line gets a name beside it."""
    log.info("order.placed", **{name: 1})
    log.bind(a=2).info("order.placed", **{name: 1})
    for line in lines.events:
        assert (line["event"], line["level"]) == ("order.placed", "info")
        assert line[f"{name}_" if name in ("event", "level") else name] == 1


@pytest.mark.parametrize("arguments", [(1,), ("a", "b", "c")])
def test_arguments_that_do_not_fit_are_a_field(log: Any, lines: Lines, arguments: tuple[object, ...]) -> None:
    """Structlog puts them into the text before any processor runs, and would raise."""
    log.info("%s %s", *arguments)
    assert (lines.events[0]["event"], lines.events[0]["arguments"]) == ("%s %s", list(arguments))


def test_the_text_may_be_missing_or_anything(log: Any, lines: Lines) -> None:
    """It is text in the line."""
    log.info()
    log.info(event="order.placed")
    log.info({"a": 1})
    log.info(Silent())
    log.info(Text("order.placed"))
    assert [line["event"] for line in lines.events] == [
        "",
        "order.placed",
        "{'a': 1}",
        "<unrenderable Silent>",
        "order.placed",
    ]


def test_the_stack_arrives(log: Any, lines: Lines) -> None:
    """Where `stack_info` asks for it, without the frames of the pipeline."""
    log.info("order.placed", stack_info=True)
    assert lines.events[0]["stack"].rstrip().splitlines()[-1].strip() == 'log.info("order.placed", stack_info=True)'


def test_events_can_be_captured(log: Any, lines: Lines) -> None:
    """Structlog's own way to test what is logged."""
    with capture_logs() as captured:
        log.info("order.placed", total=1)
    assert captured == [{"event": "order.placed", "total": 1, "log_level": "info"}]
    assert lines.raw == []


def test_a_failure_of_the_pipeline_is_a_line_and_is_counted(
    log: Any, lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The line has the event's name and a marker."""

    def fail(*_: object) -> None:
        raise SystemExit

    before = not_rendered()
    log = log.bind()
    monkeypatch.setattr(log, "_processors", [fail])
    log.warning("order.placed", total=1)
    (line,) = lines.events
    assert (line["event"], line["level"], line["not_rendered"]) == (
        "order.placed",
        "warning",
        "<unrenderable SystemExit>",
    )
    assert not_rendered() - before == 1


VALUES = [Silent(), "\ud800", 2**70, {(1,): 2}, {Silent: 1}, b"x", Refusal()]


@pytest.mark.parametrize("number", range(len(VALUES)))
def test_a_complete_event_does_not_raise(emit: Emit, lines: Lines, number: int) -> None:
    """It is written as it is where that is possible."""
    emit({"level": "info", "event": "order.placed", "value": VALUES[number], "total": 1})
    (line,) = lines.events
    assert (line["event"], line["total"]) == ("order.placed", 1)


@pytest.mark.parametrize("event", [{}, {"level": "loud", "event": "order.placed"}, {"level": [], "event": object()}])
def test_an_incomplete_event_does_not_raise(emit: Emit, lines: Lines, event: dict[str, Any]) -> None:
    """It is a line that says so, and is counted."""
    before = not_rendered()
    emit(event)
    (line,) = lines.events
    assert line["level"] == "error"
    assert line["not_rendered"].startswith("<unrenderable ")
    assert not_rendered() - before == 1


@pytest.mark.parametrize("size", [300, 1000])
def test_a_line_is_cut_biggest_field_first(log: Any, lines: Lines, size: int) -> None:
    """The names of the fields that are cut stay, and so do small fields and what finds the line again."""
    log.info(
        "order.placed", small=1, request_id="r", **{f"f{number}": "\x01" * (size + number) for number in range(60)}
    )
    (line,) = lines.events
    assert LINE_BYTES * 0.8 < len(lines.raw[0]) <= LINE_BYTES
    assert (line["small"], line["request_id"], line["event"]) == (1, "r", "order.placed")
    cut = [number for number in range(60) if line[f"f{number}"].startswith("...[cut ")]
    assert cut == list(range(60 - len(cut), 60))


def test_a_line_of_nothing_but_long_names_is_cut(log: Any, lines: Lines) -> None:
    """To what finds it again."""
    log.info("order.placed" * 1000, request_id="r", **{f"{number}" + "\x01" * 200: number for number in range(99)})
    (line,) = lines.events
    assert len(lines.raw[0]) <= LINE_BYTES
    assert line["event"].startswith("order.placed")


def test_a_call_at_the_limit_of_the_stack_raises_nothing_of_its_own(log: Any, lines: Lines) -> None:
    """Where there is stack left for the call itself."""
    failed: list[BaseException] = []

    def deep() -> None:
        try:
            deep()
        except RecursionError:
            if len(lines.raw) < 20:
                log.exception("stack.exhausted")
            raise

    try:
        deep()
    except RecursionError as error:
        failed.append(error)
    assert len(failed) == 1
    assert {line["event"] for line in lines.events} == {"stack.exhausted"}
