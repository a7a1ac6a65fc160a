"""The pages of the diagnostics on the management port, in production as well: off without `DIAGNOSTICS_TOKEN`."""

import math
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any

from pydantic import SecretStr

from ..errors import UsageError
from ..management.pages import Table
from ..management.worker import Worker
from ..security.events import SecurityEvents
from ..service import Service
from ..settings import Settings
from . import log_level
from .fingerprints import fingerprints
from .guard import Guard, Job, Query
from .log_level import LevelOverride
from .profile import LEAST_SECONDS, MOST_SECONDS, profile
from .tasks import Tasks
from .threads import threads

ROOT = "/diagnostics"
DEFAULT_SECONDS = 5


@contextmanager
def diagnostics(service: Service, settings: Settings, level: LevelOverride) -> Iterator[Table]:
    """The pages, in the running event loop of the service. There are none without the token in `settings`.

    At the end, `level` goes back to that of the settings.

    Raises `RuntimeError` if the process may not start another thread.
    """
    if settings.diagnostics_token is None:
        try:
            yield Table()
        finally:
            level.stop()
        return
    pages = Diagnostics(service, settings.diagnostics_token, level)
    pages.start()
    try:
        yield pages.table
    finally:
        pages.stop()


class Diagnostics:
    """The pages, and the thread in which they work, so that probes and scrapes do not wait for them."""

    def __init__(self, service: Service, token: SecretStr, level: LevelOverride) -> None:
        """Create it in the running event loop of the service. Call `start`."""
        self._level = level
        self._ended = threading.Event()
        self._worker = Worker("diagnostics")
        guard = Guard(token, self._worker, SecurityEvents())
        named = partial(fingerprints, service, token.get_secret_value().encode())
        reads: Mapping[str, Job] = {"tasks": Tasks(), "threads": threads, "settings": named}
        profiled = guard.page("profile", self._profile, "seconds")
        level_set = guard.page("log-level", self._log_level, "level", "seconds")
        self.table = Table(
            {f"{ROOT}/{name}": guard.page(name, partial(_always, job)) for name, job in reads.items()},
            {f"{ROOT}/profile": profiled, f"{ROOT}/log-level": level_set},
        )

    def start(self) -> None:
        """Start the thread. Raises `RuntimeError` if the process may not start another."""
        self._worker.start()

    def stop(self) -> None:
        """End a call that runs, and go back to the log level of the settings."""
        self._ended.set()
        self._worker.stop()
        self._level.stop()

    def _profile(self, query: Query) -> Job:
        seconds = _seconds(query, DEFAULT_SECONDS, LEAST_SECONDS, MOST_SECONDS)
        return partial(profile, seconds, self._ended)

    def _log_level(self, query: Query) -> Job:
        level = query.get("level", "").lower()
        if level not in log_level.LEVELS:
            msg = f"level must be one of {', '.join(log_level.LEVELS)}."
            raise UsageError(msg)
        seconds = _seconds(query, log_level.DEFAULT_SECONDS, 1, log_level.MOST_SECONDS)
        return partial[Mapping[str, Any]](self._level, level, seconds)


def _always(job: Job, _: Query) -> Job:
    return job


def _seconds(query: Query, default: float, least: float, most: float) -> float:
    try:
        seconds = float(query.get("seconds", default))
    except ValueError:
        seconds = math.nan
    if not least <= seconds <= most:
        msg = f"seconds must be a number from {least} to {most}."
        raise UsageError(msg)
    return seconds
