"""The interpreter's hooks for uncaught errors: each error is logged, counted and reported once.

The hooks do not raise, and do not write to standard error.
"""

import sys
import threading
from contextlib import suppress
from types import TracebackType

from .. import failures
from .ending import flush


def install() -> None:
    """Report errors that end a thread, a finalizer or the main thread. Logging must be configured before."""
    threading.excepthook = _thread_failed
    sys.unraisablehook = _finalizer_failed
    sys.excepthook = _process_failed


def _process_failed(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Report an error that ends the main thread. Ctrl-C is not reported."""
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, trace)
        return
    with suppress(Exception):
        failures.report("process", "process.failed", error)
    with suppress(Exception):
        flush()


def _thread_failed(arguments: threading.ExceptHookArgs) -> None:
    """Report an error that ends a thread. `SystemExit` ends it on purpose and is not reported."""
    if issubclass(arguments.exc_type, SystemExit):
        return
    with suppress(Exception):
        name = arguments.thread.name if arguments.thread else ""
        failures.report("thread", "thread.failed", arguments.exc_value or arguments.exc_type(), thread=name)


def _finalizer_failed(arguments: "sys.UnraisableHookArgs") -> None:
    """Report an error in `__del__`, or in a callback of a weak reference or of `atexit`."""
    with suppress(Exception):
        error = arguments.exc_value or arguments.exc_type()
        failures.report("finalizer", "finalizer.failed", error, finalizer=_name(arguments.object))
        if not (threading.main_thread().is_alive() or sys.is_finalizing()):  # from an `atexit` handler
            flush()


def _name(found: object) -> str:
    name = getattr(found, "__qualname__", None)
    return name if isinstance(name, str) else type(found).__qualname__
