"""The log lines of this process, after redaction, as they are written to standard output in production."""

from collections.abc import Iterator, Mapping, Sequence
from sys import getsizeof
from typing import Any

import orjson

from ..logs.logger import LEVELS
from .matching import OF_ONE_TRACE, Matched, Wanted, matched
from .rings import Ring

NUMBER = 4_000
MAX_BYTES = 2_359_296


class Lines:
    """The ring of log lines, each a line of JSON."""

    def __init__(self) -> None:
        """No line yet."""
        self.ring: Ring[bytes] = Ring(NUMBER, MAX_BYTES)

    def add(self, line: bytes) -> None:
        """Add a line."""
        self.ring.append_soon(line, getsizeof(line))

    def find(self, wanted: Wanted, level: str = "", text: str = "", trace_id: str = "") -> Matched:
        """The newest lines of at least a level, with a text in any letter case, of one trace."""
        return matched(self.ring, wanted, self._found(wanted.after, LEVELS.get(level, 0), text, trace_id))

    def of_trace(self, trace_id: str) -> Sequence[Mapping[str, Any]]:
        """The lines of a trace, the oldest first."""
        found = self._found(0, 0, "", trace_id)
        return [each["line"] for _, each in zip(range(OF_ONE_TRACE), found, strict=False)][::-1]

    def _found(self, after: int, least: int, text: str, trace_id: str) -> Iterator[Mapping[str, Any]]:
        """The newest first. A line is parsed only where its bytes pass."""
        part, trace = text.lower().encode(errors="replace"), trace_id.encode()
        for entry in reversed(self.ring.entries(after)):
            line = entry.item
            if (trace and trace not in line) or (part and part not in line.lower()):
                continue
            event = orjson.loads(line)
            if LEVELS.get(event.get("level"), 0) < least or (trace_id and event.get("trace_id") != trace_id):
                continue
            yield {"seq": entry.seq, "line": event}

    def kept(self) -> Iterator[list[Any]]:
        """All lines, for the process after a reload."""
        return ([entry.seq, entry.item.decode()] for entry in self.ring.entries())
