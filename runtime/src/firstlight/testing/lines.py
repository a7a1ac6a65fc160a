"""Log lines, caught on their way to standard output."""

import json
from typing import Any

from ..logs.sink import Output

Line = dict[str, Any]


class Lines(Output):
    """What would have gone to standard output."""

    def __init__(self) -> None:
        """Nothing yet."""
        self.raw: list[bytes] = []

    def write(self, line: bytes) -> None:
        """Keep one line."""
        self.raw.append(line)

    def flush(self, timeout: float) -> bool:
        """Nothing is queued here."""
        del timeout
        return True

    @property
    def events(self) -> list[Line]:
        """The lines, parsed."""
        return [json.loads(line) for line in self.raw]

    def named(self, event: str) -> list[Line]:
        """The lines of one event."""
        return [line for line in self.events if line["event"] == event]
