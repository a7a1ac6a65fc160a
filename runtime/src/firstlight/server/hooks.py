"""What the interpreter calls for an error that nobody caught: one line, one count, one report.

None of them raises, and none writes to standard error.
"""

import sys
import threading
from contextlib import suppress
from types import TracebackType

from .. import failures
from .ending import flush


def install() -> None:
    """Report what ends a thread, a finalizer or the main thread. Logging has to be configured."""
    threading.excepthook = _thread_failed
    sys.unraisablehook = _finalizer_failed
    sys.excepthook = _process_failed


def _process_failed(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """What ends the main thread. Ctrl-C keeps its meaning."""
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, trace)
        return
    with suppress(Exception):
        failures.report("process", "process.failed", error)
    with suppress(Exception):
        flush()


def _thread_failed(arguments: threading.ExceptHookArgs) -> None:
    """`SystemExit` ends a thread on purpose, as it does without this hook."""
    if issubclass(arguments.exc_type, SystemExit):
        return
    with suppress(Exception):
        name = arguments.thread.name if arguments.thread else ""
        failures.report("thread", "thread.failed", arguments.exc_value or arguments.exc_type(), thread=name)


def _finalizer_failed(arguments: "sys.UnraisableHookArgs") -> None:
    """Whatever has no caller: `__del__`, callbacks of weak references and of `atexit`."""
    with suppress(Exception):
        error = arguments.exc_value or arguments.exc_type()
        failures.report("finalizer", "finalizer.failed", error, finalizer=_name(arguments.object))
        if not (threading.main_thread().is_alive() or sys.is_finalizing()):  # an `atexit` handler, maybe the last one
            flush()


def _name(found: object) -> str:
    name = getattr(found, "__qualname__", None)
    return name if isinstance(name, str) else type(found).__qualname__
