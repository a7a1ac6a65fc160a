"""Another log level for a while. It goes back without action to the one in the settings."""

import threading
from collections.abc import Mapping
from typing import Any

import structlog

from ..logs import logger, pipeline
from ..logs.level import LOG_LEVEL

LEVELS = tuple(name for name in logger.LEVELS if name != "critical")  # those that a setting may be
DEFAULT_SECONDS = 600
MOST_SECONDS = 3600

log = structlog.get_logger()


class LevelOverride:
    """One for each process, because the log is one. Any thread may call it."""

    def __init__(self, configured: str) -> None:
        """`configured` is the level of the settings."""
        self._configured = configured
        self._lock = threading.Lock()
        self._timer: threading.Timer | None = None

    def __call__(self, level: str, seconds: float) -> Mapping[str, Any]:
        """Write lines from `level` on, for `seconds`: `{"level", "seconds", "then"}`. A new call replaces the last one.

        Raises `RuntimeError`, and changes nothing, if the process may not start the thread that waits.
        """
        with self._lock:
            timer = threading.Timer(seconds, self._expire)
            timer.daemon = True
            timer.name = "log level"
            timer.start()
            self._cancel()
            self._timer = timer
            _apply(level)
        return {"level": level, "seconds": seconds, "then": self._configured}

    def stop(self) -> None:
        """Go back now, without an event."""
        with self._lock:
            if self._timer is not None:
                self._cancel()
                _apply(self._configured)

    def _cancel(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _expire(self) -> None:
        with self._lock:
            if self._timer is not threading.current_thread():  # replaced while this one was due
                return
            self._timer = None
            _apply(self._configured)
        log.warning("diagnostics.level_restored", log_level=self._configured)


def _apply(level: str) -> None:
    pipeline.set_level(level)
    LOG_LEVEL.override(level)
