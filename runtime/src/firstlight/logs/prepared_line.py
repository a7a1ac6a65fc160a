"""Access lines of one kind of request. Their constant part is rendered once.

Each line inserts the ids and the fields that follow the labels. The bytes are those that `Emit` writes for the event.
"""

import secrets
from collections.abc import Mapping
from typing import Any

import orjson

from ..context import RequestContext
from ..metrics.instruments import LOG_EVENTS_BY_LEVEL
from .emit import Emit
from .limits import LINE_BYTES
from .logger import LEVELS


class PreparedLine:
    """Writes lines of requests with the same level, event and labels. A call never raises."""

    def __init__(self, emit: Emit, opening: Mapping[str, Any], labels: Mapping[str, Any]) -> None:
        """Render `opening` (level and event), which precedes the ids, and `labels`, which follow them, with `emit`."""
        self._emit = emit
        self._opening, self._labels = opening, labels
        self._level = LEVELS[opening["level"]]
        self._count = LOG_EVENTS_BY_LEVEL[opening["level"]]
        blank = secrets.token_hex()
        line = emit.json(blank, self._event(RequestContext(blank, blank, blank), {})).decode()
        self._start, self._request, self._trace, self._span, end = line.split(blank)
        self._end = end.removesuffix("}\n") + ","

    def write(self, ids: RequestContext, more: dict[str, Any]) -> None:
        """Write one line, unless its level is below that of the log.

        `ids` need no escapes in JSON; the fields of `more` follow the labels.
        """
        if self._level < self._emit.level:
            return
        request_id, trace_id, span_id = ids
        try:
            time, rest = self._emit.timestamps.now(), orjson.dumps(more, option=orjson.OPT_APPEND_NEWLINE)
            known = (
                f"{self._start}{time}{self._request}{request_id}{self._trace}{trace_id}{self._span}{span_id}{self._end}"
            )
            line = known.encode() + rest[1:]
        except Exception:  # noqa: BLE001 - for example text that is not UTF-8
            line = b""
        if not line or len(line) > LINE_BYTES:
            self._emit(self._event(ids, more))
            return
        self._count.tick()
        self._emit.output.write(line)

    def _event(self, ids: RequestContext, more: Mapping[str, Any]) -> dict[str, Any]:
        return {**self._opening, **ids._asdict(), **self._labels, **more}
