"""Drive a generated service through faults: `python -m faults [--long] [--revert] [--rows name,name] [--write]`.

Exit status 0 when every row passed, 1 when one did not, or could not run in CI.
"""

import argparse
import asyncio
import signal
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime

from bench.machine import describe
from bench.processes import ROOT, FailedError

from . import machine, table
from .catalogue import ROWS
from .emitted import emit
from .errors import UnfitError
from .reversal import Reversal
from .row import Row
from .run import Run, say

INTERRUPTED = 130
PAGE = ROOT / "docs" / "reliability.md"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the chosen rows and print the table."""
    options = _parser().parse_args(arguments)
    began = time.monotonic()
    try:
        say("generating and installing the service")
        directory = emit()
        run = Reversal(directory, options.rows) if options.revert else Run(directory, options.rows, long=options.long)
        table.Region(PAGE, run.region, 0)  # fail now, not after minutes, when the page has no region
        asyncio.run(_until_told(run))
    except (UnfitError, FailedError, LookupError) as error:
        say(str(error))
        return 1
    except KeyboardInterrupt:
        return INTERRUPTED
    sys.stdout.write(table.text(run.head, run.lines, run.widths) + "\n")
    sys.stdout.writelines(f"{sentence}\n" for sentence in run.sentences)
    seconds = time.monotonic() - began
    say(f"{len(run.lines)} rows in {seconds:.0f} s")
    if options.write:
        whole = len(options.rows) == len(ROWS)
        facts = _facts("long" if options.long else "short", seconds) if whole else ""
        region = table.Region(PAGE, run.region, run.head.index("row"))
        region.write(facts, run.head, run.lines, [row.name for row in ROWS])
    return 1 if run.failed else 0


async def _until_told(run: Run | Reversal) -> None:
    """Run; Ctrl-C and SIGTERM end it together with everything that was started. Raises `KeyboardInterrupt`."""
    task = asyncio.ensure_future(run.run())
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    try:
        with suppress(asyncio.CancelledError):
            await task
    except ExceptionGroup as several:
        raise several.exceptions[0] from None
    if task.cancelled():
        raise KeyboardInterrupt


def _facts(form: str, seconds: float) -> str:
    limited = machine.GROUPS if machine.has_groups() else machine.NO_GROUPS
    return f"{datetime.now(UTC):%Y-%m-%d}, the {form} form, in {seconds:.0f} s. {limited} Machine: {describe()}."


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m faults", description="Drive a generated service through faults.")
    parser.add_argument("--long", action="store_true", help="the sizes of the long form")
    parser.add_argument("--revert", action="store_true", help="revert one mend after the other; its rows must fail")
    parser.add_argument("--rows", type=_rows, default=ROWS, help="a comma list of rows, or of parts of their names")
    parser.add_argument("--write", action="store_true", help=f"write the table of {PAGE.relative_to(ROOT)} as well")
    return parser


def _rows(text: str) -> Sequence[Row]:
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if unknown := [part for part in parts if not any(part in row.name for row in ROWS)]:
        msg = f"{', '.join(unknown)} not among {', '.join(row.name for row in ROWS)}"
        raise argparse.ArgumentTypeError(msg)
    return [row for row in ROWS if not parts or any(part in row.name for part in parts)]


if __name__ == "__main__":
    sys.exit(main())
