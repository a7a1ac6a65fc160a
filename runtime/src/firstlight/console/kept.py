"""Which rings survive a reload, and how their items are written."""

import os
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import orjson

from ..compact import compact
from ..development.handover import CONSOLE_BUFFERS
from . import handover
from .buffers import Buffers
from .handover import Part, Parts
from .points import Points
from .spans import Recorded
from .stalls import Stalls


class Kept:
    """Restores the rings of the process before this one, and saves them for the next, under a supervisor."""

    def __init__(self, buffers: Buffers, points: Points, stalls: Stalls) -> None:
        """Restore them, if there was another process. What cannot be read is left out."""
        given = os.environ.get(CONSOLE_BUFFERS, "")
        self._descriptor = int(given) if given.isascii() and given.isdigit() else None
        self._parts: Parts = {
            "exchanges": Part(buffers.exchanges.ring, buffers.exchanges.kept, tuple),
            "lines": Part(buffers.lines.ring, buffers.lines.kept, _line),
            "spans": Part(buffers.spans.ring, buffers.spans.kept, _span),
            "points": Part(points.ring, points.kept, tuple),
            "stalls": Part(stalls.ring, stalls.kept, _first),
        }
        if self._descriptor is not None:
            with suppress(OSError, ValueError, TypeError, KeyError, AttributeError):
                handover.restore(self._descriptor, self._parts)

    def save(self) -> None:
        """Save the rings. Without a supervisor nothing happens."""
        if self._descriptor is not None:
            with suppress(OSError):  # the supervisor has ended
                handover.save(self._descriptor, self._parts)


def _line(row: Sequence[Any]) -> bytes:
    return str(row[0]).encode()


def _span(row: Sequence[Any]) -> bytes:
    return compact(orjson.dumps(tuple(Recorded(*row))))


def _first(row: Sequence[Any]) -> Any:
    return row[0]
