"""An error is reported once, however many lines and layers tell of it."""

import copy
import gc
import logging
import pickle
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import structlog

from firstlight import Settings
from firstlight.logs.pipeline import configure
from firstlight.logs.reports import claim, reported
from firstlight.testing.lines import Lines

from ..faults import IDENTITY
from .hostile import Refusal, Refusing


class Slotted(Exception):  # noqa: N818 - no name of the standard library's
    """An exception with members of its own only."""

    __slots__ = ("code",)


@pytest.fixture
def reports(settings: Settings, lines: Lines) -> Iterator[list[BaseException]]:
    """What the pipeline reports."""
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    found: list[BaseException] = []
    configure(settings, IDENTITY, lines, report=found.append)
    yield found
    root.handlers = handlers
    root.setLevel(level)
    logging.captureWarnings(capture=False)


LOG: Any = structlog.get_logger()
LIBRARY = logging.getLogger("library")
CALLS: list[Callable[[BaseException], object]] = [
    lambda error: LOG.error("broke", exc_info=error),
    lambda _: LOG.exception("broke"),  # noqa: LOG004 - called in a handler
    lambda _: LOG.critical("broke", exc_info=True),  # noqa: LOG014 - called in a handler
    lambda error: LIBRARY.error("broke", exc_info=error),
    lambda _: LIBRARY.exception("broke"),
    lambda error: LIBRARY.log(45, "broke", exc_info=(type(error), error, None)),
]


@pytest.mark.parametrize("number", range(len(CALLS)))
@pytest.mark.parametrize("kind", [ValueError, Slotted, KeyboardInterrupt, SystemExit])
def test_an_error_of_a_line_is_reported_once(
    reports: list[BaseException], lines: Lines, number: int, kind: type[BaseException]
) -> None:
    """By whichever call first, and by no later one."""

    def fail() -> BaseException:
        error = kind("broke")
        try:
            raise error  # noqa: TRY301 - it is told of where it is handled
        except BaseException:  # noqa: BLE001 - that of the test
            for call in (CALLS[number], *CALLS):
                call(error)
            return error

    assert [fail(), fail()] == reports
    assert all("exception" in line for line in lines.events)
    assert len(lines.raw) == 2 * (1 + len(CALLS))


def test_an_error_that_refuses_everything_is_reported_once(settings: Settings, lines: Lines) -> None:
    """It cannot refuse the mark."""
    reports: list[BaseException] = []
    configure(settings, IDENTITY, lines, report=reports.append)  # here: without pytest's own handlers, which ask it
    error = Refusal()
    Refusing.armed = True
    try:
        LOG.error("broke", exc_info=error)
        LIBRARY.error("broke", exc_info=(Refusal, error, None))
    finally:
        Refusing.armed = False
    assert len(reports) == 1
    assert reports.pop() is error


@pytest.mark.parametrize("level", ["info", "warning"])
def test_a_line_below_error_reports_nothing(reports: list[BaseException], level: str) -> None:
    """A failure that the service expects."""
    getattr(LOG, level)("missed", exc_info=ValueError())
    getattr(LIBRARY, level)("missed", exc_info=ValueError())
    assert reports == []


def test_a_line_without_an_error_reports_nothing(reports: list[BaseException]) -> None:
    """There is nothing to report."""
    LOG.error("broke")
    LOG.exception("broke")  # noqa: LOG004 - on purpose
    LIBRARY.exception("broke")
    assert reports == []


def test_an_error_that_somebody_has_reported_is_not_reported(reports: list[BaseException], lines: Lines) -> None:
    """Who reports by other means says so."""
    error = ValueError()
    reported(error)
    LOG.error("broke", exc_info=error)
    assert reports == []
    assert "exception" in lines.events[0]


def test_a_report_that_fails_does_not_take_the_line_with_it(settings: Settings, lines: Lines) -> None:
    """Nor does it reach the caller."""

    def fail(_: BaseException) -> None:
        raise SystemExit

    configure(settings, IDENTITY, lines, report=fail)
    LOG.error("broke", exc_info=ValueError("x"))
    (line,) = lines.events
    assert line["event"] == "broke"
    assert line["exception"].startswith("ValueError: x\n")


def test_a_copy_is_another_error() -> None:
    """As another process gets it."""
    error = ValueError("x")
    assert claim(error)
    assert not claim(error)
    other = copy.copy(error), pickle.loads(pickle.dumps(error))  # noqa: S301 - our own
    assert [claim(each) for each in other] == [True, True]


def test_nothing_keeps_a_reported_error() -> None:
    """The mark is the error's own."""

    class Kept(Exception):  # noqa: N818 - no name of the standard library's
        pass

    error = Kept()
    gone = weakref.ref(error)
    assert claim(error)
    del error
    gc.collect()
    assert gone() is None
