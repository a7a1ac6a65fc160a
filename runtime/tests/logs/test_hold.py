"""What third parties configure neither silences nor doubles the lines of the standard library."""

import io
import json
import logging
import logging.config
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

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
