"""What is done only when somebody asks: tasks, threads, a profile, memory, and another level of the log."""

import asyncio
import threading
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import structlog

from ..diagnostics import log_level
from ..diagnostics.log_level import LevelOverride
from ..diagnostics.memory import memory
from ..diagnostics.pages import DEFAULT_SECONDS
from ..diagnostics.profile import LEAST_SECONDS, MOST_SECONDS, profile
from ..diagnostics.tasks import Tasks
from ..diagnostics.threads import threads
from ..management.worker import Worker
from .api import BusyError
from .queries import BadQueryError, Query

if TYPE_CHECKING:
    from collections.abc import Callable

    from .api import Effect, Read

log = structlog.get_logger()
_OWN = str(Path(__file__).parent)  # what the console itself does is not the service's work


class OnDemand:
    """Work that takes seconds runs in a thread of its own, one at a time."""

    def __init__(self, level: LevelOverride) -> None:
        """Create it in the running loop, whose tasks it shows. `level` overrides the level of the log."""
        tasks = Tasks()
        self.reads: Mapping[str, Read] = {"tasks": lambda _: tasks(), "threads": lambda _: threads()}
        self.effects: Mapping[str, Effect] = {
            "profile": partial(self._work, partial(profile, without=_OWN)),
            "memory": partial(self._work, memory),
            "log-level": self._level,
        }
        self._override = level
        self._ended = threading.Event()
        self._worker = Worker("console work")
        self._running: asyncio.Future[Mapping[str, Any]] | None = None

    def start(self) -> None:
        """Start the thread."""
        self._worker.start()

    def stop(self) -> None:
        """End what runs."""
        self._ended.set()
        self._worker.stop()

    async def _work(
        self, function: "Callable[[float, threading.Event], Mapping[str, Any]]", query: Query
    ) -> Mapping[str, Any]:
        """A profile, or what allocates memory. Raises `BusyError` while one of them runs."""
        seconds = query.number("seconds", DEFAULT_SECONDS, LEAST_SECONDS, MOST_SECONDS)
        query.end()
        if self._running is not None and not self._running.done():
            msg = "A profile or a look at the memory is running. There is one at a time."
            raise BusyError(msg)
        self._running = asyncio.ensure_future(self._worker.call(lambda: function(seconds, self._ended)))
        return await asyncio.shield(self._running)

    async def _level(self, query: Query) -> Mapping[str, Any]:
        """Another level of the log for a while. Raises `BadQueryError`."""
        level = query.choice("level", *log_level.LEVELS)
        if not level:
            msg = f"level must be one of {', '.join(log_level.LEVELS)}."
            raise BadQueryError(msg)
        seconds = query.number("seconds", log_level.DEFAULT_SECONDS, 1, log_level.MOST_SECONDS)
        query.end()
        log.warning("console.level_changed", asked_level=level, asked_seconds=seconds)
        return self._override(level, seconds)
