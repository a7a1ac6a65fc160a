"""One way out for the records of the standard library, whatever third parties configure, at import or while it runs.

`dictConfig` and `fileConfig` take the handlers of the root logger away and disable the loggers that they do not name;
`basicConfig(force=True)` brings one that writes to standard error; `logging.disable` silences everybody. None of them
decides about the log of a service. Handlers that do not write to the process's own streams are called as ever, and so
are filters; `setLevel` of a logger is obeyed, and `setLevel` of the root one where it is called by name.

Likewise `structlog.configure`: processors of others would hand the pipeline what it cannot write. Whatever replaces the
processors in their list, as `structlog.testing.capture_logs` does, is obeyed, and so is its `LogCapture`.
"""

import logging
import sys
from contextlib import suppress
from typing import Any

import structlog
from structlog import _config
from structlog.testing import LogCapture

CONFIGURING = {"logging", "logging.config"}  # calls from these modules are ignored
_STREAMS = {1, 2}


class _Root(logging.RootLogger):
    """The root logger. `LOG_LEVEL` sets its level."""

    def setLevel(self, level: int | str) -> None:  # noqa: N802 - the base class's name
        """Obey code that calls it by name."""
        if sys._getframe(1).f_globals.get("__name__") not in CONFIGURING:  # noqa: SLF001 - documented
            super().setLevel(level)


class _Manager(logging.Manager):
    """The manager of all loggers, without the effect of `logging.disable`."""

    @property
    def disable(self) -> int:
        """Nothing is disabled."""
        return 0

    @disable.setter
    def disable(self, _: int) -> None:
        """Go on."""


class _Disabled:
    """`disabled` of a logger: code that sets it by name has effect, `dictConfig` and `fileConfig` have none."""

    def __get__(self, logger: Any, _: type | None = None) -> bool:
        return bool(vars(logger).get("disabled", False)) if logger is not None else False

    def __set__(self, logger: Any, value: bool) -> None:  # noqa: FBT001 - the protocol of descriptors
        if sys._getframe(1).f_globals.get("__name__") not in CONFIGURING:  # noqa: SLF001 - documented
            vars(logger)["disabled"] = value


class _Structlog(_config._Configuration):  # noqa: SLF001 - `configure` may have been imported by name already
    """What structlog makes loggers of, as `hold_structlog` has set it last."""

    def __setattr__(self, name: str, value: Any) -> None:
        """Obey the capture of a test alone."""
        if name == "default_processors" and any(isinstance(each, LogCapture) for each in value):
            super().__setattr__(name, value)


def hold_structlog(**ours: Any) -> None:
    """Configure structlog, and let nobody else."""
    held = _config._CONFIG  # noqa: SLF001 - see above
    object.__setattr__(held, "__class__", _config._Configuration)  # noqa: SLF001
    structlog.configure(**ours)
    object.__setattr__(held, "__class__", _Structlog)


def hold(bridge: logging.Handler, level: int) -> None:
    """Hand each record to `bridge` once, from this level on. Called again, the last bridge counts."""
    root = logging.getLogger()
    for logger in (root, *root.manager.loggerDict.values()):
        if isinstance(logger, logging.Logger):
            logger.disabled = False  # set at import, before this call
    root.__class__, root.manager.__class__ = _Root, _Manager
    root.manager._clear_cache()  # type: ignore[attr-defined] # noqa: SLF001 - of what was disabled
    root.handlers = [bridge]
    root.setLevel(level)

    def call_handlers(logger: logging.Logger, record: logging.LogRecord) -> None:
        if _call_others(logger, record, bridge):
            bridge.handle(record)

    logging.Logger.callHandlers = call_handlers  # type: ignore[assignment,method-assign]
    logging.Logger.disabled = _Disabled()  # type: ignore[assignment]


def _call_others(start: logging.Logger, record: logging.LogRecord, bridge: logging.Handler) -> bool:
    """Call what third parties have added; none of it fails the caller. Returns whether the record is ours as well.

    It is where it reaches the root logger, or a handler that would write it to the process's own streams.
    """
    ours, logger = False, start
    while True:
        for handler in logger.handlers:
            if handler is bridge or _writes_to_the_streams(handler):
                ours = True
            elif record.levelno >= handler.level:
                with suppress(Exception):
                    handler.handle(record)
        if logger.parent is None:
            return True
        if not logger.propagate:
            return ours
        logger = logger.parent


def _writes_to_the_streams(handler: logging.Handler) -> bool:
    stream = getattr(handler, "stream", None) if isinstance(handler, logging.StreamHandler) else None
    if stream is None:
        return False
    try:
        return stream in (sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__) or stream.fileno() in _STREAMS
    except (AttributeError, OSError, ValueError):
        return False
