"""Reads the sections of components: code of teams, which may wait, fail, or return more than a page can show."""

import asyncio
from collections.abc import Mapping
from typing import Any

from ..management.worker import Worker
from ..section import Section
from .api import BusyError

SECONDS = 2.0
MOST_ROWS = 500  # of one table

Read = Mapping[str, Any]


class SectionReader:
    """Each section is read in a thread of its own, so that the management port never waits for it."""

    def __init__(self, seconds: float = SECONDS) -> None:
        """Nothing is read yet. `seconds` is how long a page waits for a section."""
        self._seconds = seconds
        self._workers: dict[str, Worker] = {}
        self._running: dict[str, asyncio.Future[Read]] = {}

    async def read(self, name: str, section: Section) -> Read:
        """What a section has, with tables of at most `MOST_ROWS` rows. Raises `BusyError` if it takes too long."""
        running = self._running.get(name)
        if running is None or running.done():
            running = asyncio.ensure_future(self._worker(name).call(section.read))
            running.add_done_callback(lambda done: done.cancelled() or done.exception())  # its client may have left
            self._running[name] = running
        await asyncio.wait({running}, timeout=self._seconds)
        if not running.done():
            msg = f"This section takes longer than {self._seconds:g} s. The function of a section must not wait."
            raise BusyError(msg)
        found = running.result()
        return {**found, "tables": [_limited(table) for table in found.get("tables", ())]}

    def stop(self) -> None:
        """End the threads, without waiting for what they do."""
        for worker in self._workers.values():
            worker.stop()

    def _worker(self, name: str) -> Worker:
        if name not in self._workers:
            self._workers[name] = Worker(f"console section {name}")
            self._workers[name].start()
        return self._workers[name]


def _limited(table: Mapping[str, Any]) -> Mapping[str, Any]:
    rows = table.get("rows", ())
    if len(rows) <= MOST_ROWS:
        return table
    return {
        **table,
        "title": f"{table.get('title', '')}: the first {MOST_ROWS} of {len(rows)}",
        "rows": rows[:MOST_ROWS],
    }
