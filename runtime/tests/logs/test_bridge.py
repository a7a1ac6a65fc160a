"""Records of the standard library arrive with everything they carry."""

import logging
from collections.abc import Iterator

import pytest

from firstlight import Settings
from firstlight.logs.pipeline import configure
from firstlight.testing.lines import Lines

from ..faults import IDENTITY
from .hostile import View

# Each test configures for itself: pytest's own handlers, which raise what a record raises, come after the fixtures.
LIBRARY = logging.getLogger("library")


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    yield
    root.handlers = handlers
    root.setLevel(level)
    logging.captureWarnings(capture=False)


def test_extra_fields_arrive(settings: Settings, lines: Lines) -> None:
    """With their types, and redacted."""
    configure(settings, IDENTITY, lines)
    extra = {"user": 7, "ratio": 0.5, "large": 2**60, "order": {"token": "hunter2", "id": 1}, "password": "hunter2"}
    LIBRARY.info("order.placed", extra=extra)
    (line,) = lines.events
    assert line["event"] == "order.placed"
    assert {name: line[name] for name in extra} == extra | {
        "order": {"token": "REDACTED", "id": 1},
        "password": "REDACTED",
    }


def test_members_that_a_message_asks_for_by_name_are_redacted(settings: Settings, lines: Lines) -> None:
    """The text that they go into does not keep their names."""
    configure(settings, IDENTITY, lines)
    LIBRARY.warning("login of %(user)s with %(password)s, %(tries)d", {"user": "bob", "password": "hunter", "tries": 3})
    LIBRARY.warning("pin %(pin)d", {"pin": 123456})
    first, second = lines.events
    assert first["event"] == "login of bob with REDACTED, 3"
    assert "123456" not in str(second)


def test_extra_replaces_nothing_of_the_line(settings: Settings, lines: Lines) -> None:
    """A field with the name of a part of the line gets a name beside it; nobody sets the identity."""
    configure(settings, IDENTITY, lines)
    extra = {"event": 1, "level": 2, "logger": 3, "service": 4, "timestamp": 5, "exception": 6}
    LIBRARY.warning("order.placed", extra=extra)
    (line,) = lines.events
    assert (line["event"], line["level"], line["logger"], line["service"]) == (
        "order.placed",
        "warning",
        "library",
        IDENTITY.name,
    )
    assert (line["event_"], line["level_"], line["exception"]) == (1, 2, 6)


def test_a_record_has_no_fields_of_its_own(settings: Settings, lines: Lines) -> None:
    """Thread, file and process are not fields."""
    configure(settings, IDENTITY, lines)
    LIBRARY.info("order.placed")
    assert set(lines.events[0]) == {"timestamp", "level", "event", "service", "version", "env", "logger"}


def test_the_stack_arrives(settings: Settings, lines: Lines) -> None:
    """Where `stack_info` asks for it."""
    configure(settings, IDENTITY, lines)
    LIBRARY.info("order.placed", stack_info=True)
    stack = lines.events[0]["stack"]
    assert stack.startswith("Stack (most recent call last):\n")
    assert "test_the_stack_arrives" in stack


@pytest.mark.parametrize(
    ("number", "level"),
    [
        (10, "debug"),
        (19, "debug"),
        (20, "info"),
        (25, "info"),
        (35, "warning"),
        (45, "error"),
        (50, "critical"),
        (99, "critical"),
    ],
)
@pytest.mark.parametrize("minimum", ["debug", "info", "warning", "error", "critical"])
def test_levels_go_by_number(settings: Settings, lines: Lines, number: int, level: str, minimum: str) -> None:
    """A level of somebody's own is the one of the contract below it, and is filtered by its number."""
    configure(settings.model_copy(update={"log_level": minimum}), IDENTITY, lines)
    written = number >= logging.getLevelNamesMapping()[minimum.upper()]
    chatty = logging.getLogger("library.chatty")
    chatty.setLevel(1)  # asks for more than the service writes
    LIBRARY.log(number, "order.placed")
    chatty.log(number, "order.placed")
    assert [line["level"] for line in lines.events] == [level, level] * written


@pytest.mark.parametrize(
    ("text", "arguments"), [("%s %s", (1,)), ("done", ("x",)), ("%d", ("x",)), ("%(a)s", ({"b": 1},)), ("%", (1,))]
)
def test_arguments_that_do_not_fit_are_a_field(
    settings: Settings, lines: Lines, text: str, arguments: tuple[object, ...]
) -> None:
    """They are not lost, and the caller hears nothing."""
    configure(settings, IDENTITY, lines)
    LIBRARY.info(text, *arguments)
    (line,) = lines.events
    shown = line["arguments"]
    assert line["event"] == text
    assert shown == (arguments[0] if isinstance(arguments[0], dict) else list(arguments))


def test_a_mapping_gives_its_members_by_name(settings: Settings, lines: Lines) -> None:
    """As the standard library has it."""
    configure(settings, IDENTITY, lines)
    LIBRARY.info("%(a)s is %(b)d", {"a": "x", "b": 2})
    assert lines.events[0]["event"] == "x is 2"


def test_a_single_argument_is_not_asked_whether_it_is_empty(settings: Settings, lines: Lines) -> None:
    """The standard library asks, and would raise what the argument raises."""
    configure(settings, IDENTITY, lines)
    LIBRARY.info("order.placed %s", View())
    assert lines.events[0]["event"] == "order.placed %s"
