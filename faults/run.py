"""One run of the rows."""

import asyncio
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from . import cells, machine
from .conduct import Outcome, conduct
from .row import Row

AT_ONCE = 3


class Run:
    """Some rows on one generated service."""

    region = "rows"
    head = cells.HEAD
    widths = cells.WIDTHS

    def __init__(self, directory: Path, rows: Sequence[Row], *, long: bool) -> None:
        """`directory` is that of the service."""
        self.outcomes: dict[str, Outcome] = {}
        self._directory = directory
        self._long = long
        self._all = rows
        groups = machine.has_groups()
        self._lacking = {row.name: " and ".join(machine.lacking(row, groups=groups)) for row in rows}
        self._rows = [row for row in rows if not self._lacking[row.name]]

    async def run(self) -> None:
        """Those about memory and time one after the other, the others some at a time."""
        quiet = [row for row in self._rows if row.under_load or row.alone]
        for row in quiet:
            await self._conduct(row)
        waiting = [row for row in self._rows if row not in quiet]
        async with asyncio.TaskGroup() as tasks:
            for _ in range(AT_ONCE):
                tasks.create_task(self._take(waiting))

    async def _take(self, waiting: list[Row]) -> None:
        while waiting:
            await self._conduct(waiting.pop(0))

    async def _conduct(self, row: Row) -> None:
        outcome = await conduct(row, self._directory, long=self._long)
        self.outcomes[row.name] = outcome
        say(f"{'FAILED' if outcome.failed else 'passed'} {row.name} ({outcome.seconds:.1f} s)")

    @property
    def lines(self) -> list[Sequence[str]]:
        """The table."""
        return [cells.of(row, self.outcomes.get(row.name), long=self._long) for row in self._all]

    @property
    def sentences(self) -> list[str]:
        """What is wrong, one sentence each."""
        missing = [f"{name}: not run, because it {reason}." for name, reason in self._lacking.items() if reason]
        ordered = [self.outcomes[row.name] for row in self._rows]
        return [*missing, *(sentence for outcome in ordered for sentence in outcome.sentences)]

    @property
    def failed(self) -> bool:
        """Whether a row failed, or could not run where it has to."""
        missing = any(self._lacking.values()) and bool(os.environ.get("CI"))
        return missing or any(outcome.failed for outcome in self.outcomes.values())


def say(words: str) -> None:
    """Tell who waits."""
    sys.stderr.write(f"{time.strftime('%H:%M:%S')} {words}\n")
