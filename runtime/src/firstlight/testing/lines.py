"""Collects log lines in place of standard output."""

import json
from typing import Any

from ..logs.sink import Output

Line = dict[str, Any]


class Lines(Output):
    """A log sink that keeps the lines."""

    def __init__(self) -> None:
        """No lines yet."""
        self.raw: list[bytes] = []

    def write(self, line: bytes) -> None:
        """Keep one line. Called by the log pipeline, from any thread."""
        self.raw.append(line)

    def flush(self, timeout: float) -> bool:
        """Return true: nothing is queued."""
        del timeout
        return True

    @property
    def events(self) -> list[Line]:
        """All lines, parsed, in the order in which they were written."""
        return [json.loads(line) for line in self.raw]

    def named(self, event: str) -> list[Line]:
        """The lines of one event, such as `http.request_finished`."""
        return [line for line in self.events if line["event"] == event]
