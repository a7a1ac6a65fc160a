"""Drive a generated service through faults: `python -m faults [--long] [--rows name,name] [--write]`.

Exit status 0 when every row passed, 1 when one did not, or could not run in CI.
"""

import argparse
import asyncio
import os
import signal
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from bench.machine import describe
from bench.processes import ROOT, FailedError

from . import machine, table
from .catalogue import ROWS
from .conduct import Outcome, conduct
from .emitted import emit
from .errors import UnfitError
from .row import Row

AT_ONCE = 3
INTERRUPTED = 130
PAGE = ROOT / "docs" / "reliability.md"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the chosen rows and print the table."""
    options = _parser().parse_args(arguments)
    began = time.monotonic()
    try:
        say("generating and installing the service")
        directory = emit()
        test = Test(directory, options.rows, long=options.long)
        asyncio.run(_until_told(test))
    except (UnfitError, FailedError) as error:
        say(str(error))
        return 1
    except KeyboardInterrupt:
        return INTERRUPTED
    lines = [table.cells(row, test.outcomes.get(row.name), long=options.long) for row in options.rows]
    sys.stdout.write(table.text(lines) + "\n")
    for sentence in test.sentences:
        sys.stdout.write(f"{sentence}\n")
    say(f"{len(test.outcomes)} rows in {time.monotonic() - began:.0f} s")
    if options.write:
        table.write(PAGE, _facts(long=options.long, groups=test.groups), lines)
    return 1 if test.failed else 0


class Test:
    """One run of some rows on one service."""

    def __init__(self, directory: Path, rows: Sequence[Row], *, long: bool) -> None:
        """`directory` is that of the generated service."""
        self.outcomes: dict[str, Outcome] = {}
        self.groups = machine.has_groups()
        self._directory = directory
        self._long = long
        self._lacking = {row.name: " and ".join(machine.lacking(row, groups=self.groups)) for row in rows}
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


async def _until_told(test: Test) -> None:
    """Run; Ctrl-C and SIGTERM end it together with everything that was started. Raises `KeyboardInterrupt`."""
    task = asyncio.ensure_future(test.run())
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    with suppress(asyncio.CancelledError):
        await task
    if task.cancelled():
        raise KeyboardInterrupt


def _facts(*, long: bool, groups: bool) -> str:
    form = "long" if long else "short"
    limited = f"below {table.LIMIT}" if groups else machine.NO_GROUPS
    return f"{datetime.now(UTC):%Y-%m-%d}, the {form} form, {limited}. Machine: {describe()}."


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m faults", description="Drive a generated service through faults.")
    parser.add_argument("--long", action="store_true", help="the sizes of the long form")
    parser.add_argument("--rows", type=_rows, default=ROWS, help="a comma list of rows, or of parts of their names")
    parser.add_argument("--write", action="store_true", help=f"write the table of {PAGE.relative_to(ROOT)} as well")
    return parser


def _rows(text: str) -> Sequence[Row]:
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if unknown := [part for part in parts if not any(part in row.name for row in ROWS)]:
        msg = f"{', '.join(unknown)} not among {', '.join(row.name for row in ROWS)}"
        raise argparse.ArgumentTypeError(msg)
    return [row for row in ROWS if not parts or any(part in row.name for part in parts)]


def say(words: str) -> None:
    """Tell who waits."""
    sys.stderr.write(f"{time.strftime('%H:%M:%S')} {words}\n")


if __name__ == "__main__":
    sys.exit(main())
