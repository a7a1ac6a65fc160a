"""What the interpreter calls for an error that nobody caught never raises, and never writes to standard error."""

import sys
import threading
from typing import Any

import pytest

from firstlight import Application, failures
from firstlight.metrics.instruments import REGISTRY
from firstlight.server import hooks
from firstlight.testing.lines import Lines


@pytest.fixture(autouse=True)
def _installed(app: Application, monkeypatch: pytest.MonkeyPatch) -> None:
    """The hooks of a process, for the time of a test."""
    del app
    for owner, name in ((threading, "excepthook"), (sys, "excepthook"), (sys, "unraisablehook")):
        monkeypatch.setattr(owner, name, getattr(owner, name))
    hooks.install()


class MuteError(Exception):
    """Cannot be shown."""

    def __str__(self) -> str:
        """Fail."""
        raise ZeroDivisionError


def _die(error: BaseException) -> None:
    raise error


@pytest.mark.parametrize("error", [ValueError("lost"), MuteError(), KeyboardInterrupt()])
def test_a_thread_that_dies_is_told(lines: Lines, capfd: pytest.CaptureFixture[str], error: BaseException) -> None:
    """With its name."""
    thread = threading.Thread(target=_die, args=(error,), name="mailer")
    thread.start()
    thread.join()

    (line,) = lines.events
    assert (line["event"], line["thread"], line["level"]) == ("thread.failed", "mailer", "error")
    assert type(error).__name__ in line["exception"]
    assert capfd.readouterr().err == ""


def test_a_thread_that_leaves_has_not_failed(lines: Lines) -> None:
    """`sys.exit()` is how a thread ends early."""
    thread = threading.Thread(target=_die, args=(SystemExit(1),))
    thread.start()
    thread.join()

    assert lines.events == []


@pytest.mark.parametrize("error", [ValueError("lost"), MuteError(), SystemExit()])
def test_a_finalizer_that_fails_is_told(lines: Lines, capfd: pytest.CaptureFixture[str], error: BaseException) -> None:
    """With the name of what failed, and without keeping the object alive."""
    deleted: list[int] = []

    class Dying:
        def __del__(self) -> None:
            deleted.append(1)
            raise error

    Dying()

    (line,) = lines.events
    assert line["event"] == "finalizer.failed"
    assert line["finalizer"].endswith("Dying.__del__")
    assert deleted == [1]
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("hook", ["thread", "finalizer", "process"])
def test_a_hook_never_raises(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], hook: str) -> None:
    """Not even when telling fails: there is nobody to raise to."""

    def fail(*_: object, **__: object) -> None:
        raise MemoryError

    monkeypatch.setattr(failures, "report", fail)
    error = ValueError()
    arguments: Any = threading.ExceptHookArgs((ValueError, error, None, None))
    if hook == "thread":
        threading.excepthook(arguments)
    elif hook == "finalizer":
        arguments = type("Arguments", (), {"exc_type": ValueError, "exc_value": error, "object": None})
        sys.unraisablehook(arguments)
    else:
        sys.excepthook(ValueError, error, None)

    assert capfd.readouterr().err == ""


def test_an_error_that_ends_the_process_is_told_and_counted(lines: Lines, capfd: pytest.CaptureFixture[str]) -> None:
    """Ctrl-C keeps its meaning."""
    before = REGISTRY.get_sample_value("unhandled_errors_total", {"source": "process"}) or 0.0
    sys.excepthook(ValueError, ValueError("the end"), None)
    assert capfd.readouterr().err == ""
    sys.excepthook(KeyboardInterrupt, KeyboardInterrupt(), None)

    (line,) = lines.events
    assert line["event"] == "process.failed"
    assert "KeyboardInterrupt" in capfd.readouterr().err
    assert REGISTRY.get_sample_value("unhandled_errors_total", {"source": "process"}) == before + 1
