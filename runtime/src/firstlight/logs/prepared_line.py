"""Lines of one kind, of which the most is known before: that part is rendered once.

What differs is put in its place. The line is the one that `Emit` writes for the whole event.
"""

import secrets
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from ..metrics.instruments import LOG_EVENTS_BY_LEVEL
from .emit import Emit
from .limits import LINE_BYTES


class PreparedLine:
    """Writes lines of one kind. A call never raises."""

    def __init__(self, emit: Emit, event: Mapping[str, Any], blanks: Sequence[str]) -> None:
        """The fields of `event` are the same in each line, those named in `blanks` come in front of them.

        `emit` writes lines of this level.
        """
        self._emit = emit
        self._event = event
        self._blanks = blanks
        self._count = LOG_EVENTS_BY_LEVEL[event["level"]]
        blank = secrets.token_hex()
        whole = emit.json(blank, self._filled([blank] * len(blanks), {}))
        self._time, *self._between, end = whole.split(blank.encode())
        self._end = end.removesuffix(b"}\n") + b","

    def write(self, filled: Sequence[str], more: dict[str, Any]) -> None:
        """Write a line with `filled` in the blanks, which must need no escapes, and with `more` at its end."""
        try:
            parts = [self._time, self._emit.timestamps.now()]
            for between, text in zip(self._between, filled, strict=True):
                parts += between, text.encode()
            parts += self._end, orjson.dumps(more, option=orjson.OPT_APPEND_NEWLINE)[1:]
            line = b"".join(parts)
        except Exception:  # noqa: BLE001 - text that cannot be written
            line = b""
        if not line or len(line) > LINE_BYTES:
            self._emit(self._filled(filled, more))
            return
        self._count.inc()
        self._emit.output.write(line)

    def _filled(self, filled: Sequence[str], more: Mapping[str, Any]) -> dict[str, Any]:
        event = dict(self._event)
        opening = {name: event.pop(name) for name in ("level", "event")}
        return {**opening, **dict(zip(self._blanks, filled, strict=True)), **event, **more}
