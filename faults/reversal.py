"""Proof that each row can fail: every mend is reverted, one at a time, and its rows must fail."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from . import unbounded, unlimited, unobserved
from .conduct import Outcome, conduct
from .reverts import applied
from .row import Row
from .run import say

REVERTS = (*unlimited.REVERTS, *unbounded.REVERTS, *unobserved.REVERTS)
RED, GREEN = "red", "STILL GREEN"


class Reversal:
    """The rows whose mends `REVERTS` takes back."""

    region = "reverts"
    head = ("row", "removed protection", "what the row reported", "verdict")
    widths = (44, 60, 120, 11)

    def __init__(self, directory: Path, rows: Sequence[Row]) -> None:
        """`directory` is that of the service, whose library is edited meanwhile. Raises `LookupError`."""
        self.lines: list[Sequence[str]] = []
        self._directory = directory
        self._rows = {row.name: row for row in rows}
        for revert in REVERTS:
            with applied(revert, directory):  # all can be: not found out in the middle
                pass

    async def run(self) -> None:
        """One after the other: they edit the same library."""
        for revert in REVERTS:
            for name in revert.rows:
                if (row := self._rows.get(name)) is None:
                    continue
                with applied(revert, self._directory):
                    settings = {**row.settings, **revert.settings}
                    said = _said(await conduct(replace(row, settings=settings), self._directory, long=False))
                verdict = RED if said else GREEN
                self.lines.append((name, revert.what, said, verdict))
                say(f"{verdict} {name} without: {revert.what}")

    @property
    def sentences(self) -> list[str]:
        """The rows that did not notice."""
        return [f"{name}: passed although {what}." for name, what, _, verdict in self.lines if verdict == GREEN]

    @property
    def failed(self) -> bool:
        """Whether a row did not notice."""
        return bool(self.sentences)


def _said(outcome: Outcome) -> str:
    return outcome.sentences[0].removeprefix(f"{outcome.row.name}: ") if outcome.failed else ""
