"""What third parties configure neither silences nor doubles the lines of the standard library."""

import io
import json
import logging
import logging.config
import subprocess
import sys
import warnings
from collections import OrderedDict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog

from firstlight import Settings
from firstlight.logs.pipeline import configure
from firstlight.testing.lines import Lines

from ..conftest import PROGRAMS, TIMEOUT_SECONDS
from ..faults import IDENTITY

LIBRARY = logging.getLogger("held.library")
CONSOLE = {"class": "logging.StreamHandler", "stream": "ext://sys.stderr"}
OF_UVICORN: dict[str, Any] = {
    "version": 1,
    "handlers": {"console": CONSOLE},
    "loggers": {"held.library": {"handlers": ["console"], "level": "INFO", "propagate": False}},
}


def _file_config() -> None:
    """As the template of alembic has it."""
    text = """
        [loggers]
        keys=root
        [handlers]
        keys=console
        [formatters]
        keys=
        [logger_root]
        level=WARNING
        handlers=console
        [handler_console]
        class=StreamHandler
        args=(sys.stderr,)
    """
    logging.config.fileConfig(io.StringIO("\n".join(line.strip() for line in text.splitlines())))


OTHERS: dict[str, Callable[[], object]] = {
    "dictConfig": lambda: logging.config.dictConfig({"version": 1}),
    "dictConfig-console": lambda: logging.config.dictConfig(
        {"version": 1, "handlers": {"console": CONSOLE}, "root": {"handlers": ["console"], "level": "ERROR"}}
    ),
    "dictConfig-logger": lambda: logging.config.dictConfig(OF_UVICORN),
    "fileConfig": _file_config,
    "basicConfig": lambda: logging.basicConfig(force=True),
    "basicConfig-level": lambda: logging.basicConfig(force=True, level="CRITICAL", stream=sys.stdout),
    "disable": lambda: logging.disable(logging.CRITICAL),
    "handler": lambda: logging.getLogger().addHandler(logging.StreamHandler()),
    "handler-of-a-logger": lambda: LIBRARY.addHandler(logging.StreamHandler(sys.stdout)),
    "no-handler": lambda: logging.getLogger().handlers.clear(),  # noqa: PLW0108 - those of that moment
}


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    yield
    LIBRARY.handlers, LIBRARY.propagate, LIBRARY.disabled = [], True, False
    LIBRARY.setLevel(logging.NOTSET)
    root.handlers = handlers
    root.setLevel(level)
    logging.captureWarnings(capture=False)


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("name", OTHERS)
def test_a_line_is_written_once(
    settings: Settings, lines: Lines, capfd: pytest.CaptureFixture[str], name: str, when: str
) -> None:
    """Whether they configure at import or while the service runs."""
    if when == "before":
        OTHERS[name]()
    configure(settings, IDENTITY, lines)
    LIBRARY.info("order.placed")
    if when == "after":
        OTHERS[name]()
    LIBRARY.info("order.paid")
    logging.getLogger("held.new").info("order.sent")

    assert [line["event"] for line in lines.events] == ["order.placed", "order.paid", "order.sent"]
    assert capfd.readouterr() == ("", "")


def _once() -> None:
    with warnings.catch_warnings(action="ignore"):
        structlog.configure_once(processors=[structlog.processors.JSONRenderer()])


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize(
    "others",
    [
        lambda: structlog.configure(processors=[structlog.processors.JSONRenderer()]),
        lambda: structlog.configure(
            wrapper_class=structlog.stdlib.BoundLogger,
            logger_factory=structlog.stdlib.LoggerFactory(),
            context_class=OrderedDict,
        ),
        structlog.stdlib.recreate_defaults,
        structlog.reset_defaults,
        _once,
    ],
    ids=["processors", "factory", "recreate", "reset", "once"],
)
def test_a_library_that_configures_structlog_spoils_no_line(
    settings: Settings, lines: Lines, capfd: pytest.CaptureFixture[str], others: Callable[[], object], when: str
) -> None:
    """Loggers made before and after it write the same."""
    if when == "before":
        others()
    configure(settings, IDENTITY, lines)
    before = structlog.get_logger("before")
    if when == "after":
        others()
    for log in (before, structlog.get_logger("after")):
        log.info("order.paid", amount=3, password="hunter2")  # noqa: S106 - to be redacted

    assert [(line["event"], line["amount"], line["password"]) for line in lines.events] == [
        ("order.paid", 3, "REDACTED")
    ] * 2
    assert capfd.readouterr() == ("", "")


def test_what_captures_events_in_a_test_is_obeyed(settings: Settings, lines: Lines) -> None:
    """Both ways of structlog's documentation."""
    configure(settings, IDENTITY, lines)
    with structlog.testing.capture_logs() as captured:
        structlog.get_logger().info("order.paid")
    capture = structlog.testing.LogCapture()
    structlog.configure(processors=[capture])
    structlog.get_logger().info("order.sent")

    assert [each["event"] for each in (*captured, *capture.entries)] == ["order.paid", "order.sent"]
    assert lines.events == []
    configure(settings, IDENTITY, lines)


def test_what_is_set_by_name_is_obeyed(settings: Settings, lines: Lines) -> None:
    """A level, a logger that is disabled, one that keeps its records, and the level of the root logger."""
    configure(settings, IDENTITY, lines)
    LIBRARY.setLevel("ERROR")
    LIBRARY.info("below")
    LIBRARY.setLevel("NOTSET")
    LIBRARY.disabled = True
    LIBRARY.error("disabled")
    LIBRARY.disabled = False
    LIBRARY.propagate = False
    LIBRARY.error("kept")
    LIBRARY.propagate = True
    logging.getLogger().setLevel("ERROR")
    LIBRARY.info("below")

    assert lines.events == []


def test_other_handlers_are_called_and_fail_nobody(settings: Settings, lines: Lines, tmp_path: Path) -> None:
    """A file of the team's gets its records; a handler that raises does not reach the caller."""
    configure(settings, IDENTITY, lines)

    class Failing(logging.Handler):
        def emit(self, _: logging.LogRecord) -> None:
            raise ZeroDivisionError

    file = logging.FileHandler(tmp_path / "audit")
    for handler in (file, Failing()):
        logging.getLogger().addHandler(handler)
    LIBRARY.info("order.paid")
    file.close()

    assert (tmp_path / "audit").read_text("utf-8") == "order.paid\n"
    assert [line["event"] for line in lines.events] == ["order.paid"]


def test_our_own_lines_go_on(settings: Settings) -> None:
    """In a process of its own: both kinds, each once, on standard output alone."""
    del settings
    done = subprocess.run(  # noqa: S603 - a program of these tests
        [sys.executable, str(PROGRAMS / "configuring.py")], capture_output=True, timeout=TIMEOUT_SECONDS, check=True
    )

    assert done.stderr == b""
    events = [json.loads(line)["event"] for line in done.stdout.splitlines()]
    assert sorted(events) == ["command.finished", "library.called", "library.called", "own.called", "own.called"]
