"""One event as one line of JSON, of at most 64 KiB. `console` is for people."""

from datetime import datetime
from typing import Any

import orjson

from ..compact import compact
from .limits import KEY_BYTES, LINE_BYTES, cut
from .redaction import redact
from .values import fields

Event = dict[str, Any]
_OPTIONS = orjson.OPT_APPEND_NEWLINE | orjson.OPT_UTC_Z
# What finds the line again; these are cut last.
_KEPT = frozenset(
    ("timestamp", "level", "event", "service", "version", "env", "request_id", "trace_id", "span_id", "logger")
)


def json(event: Event) -> bytes:
    """A line of JSON. Plain values are written as they are, others are made plain and redacted first."""
    try:
        line = orjson.dumps(event, default=repr, option=_OPTIONS)
    except Exception:  # noqa: BLE001 - an event that has come past the processors with something in it
        event = made_plain(event)
        line = orjson.dumps(event, option=_OPTIONS)
    # Compact, because the queue of the log and the console keep lines.
    return compact(line if len(line) <= LINE_BYTES else orjson.dumps(shortened(event), option=_OPTIONS))


def made_plain(event: Event) -> Event:
    """The same with plain values, redacted."""
    return {"timestamp": event["timestamp"], **redact(fields({k: v for k, v in event.items() if k != "timestamp"}))}


def shortened(event: Event) -> Event:
    """The same with the largest fields cut away until the line fits; if it never does, what finds the line again."""
    sizes = {key: len(orjson.dumps(value, default=repr)) for key, value in event.items()}
    left = sum(sizes.values()) + sum(len(orjson.dumps(key)) + len(":,") for key in event) + len("{}\n")
    short = dict(event)
    for key in sorted(sizes.keys() - _KEPT, key=sizes.__getitem__, reverse=True):
        if left > LINE_BYTES:
            short[key] = f"...[cut {sizes[key]} bytes]"
            left += len(short[key]) + len('""') - sizes[key]
    if left <= LINE_BYTES:
        return short
    kept = {key: _brief(value) for key, value in event.items() if key in _KEPT}
    return {**kept, "...": f"[cut {len(event) - len(kept)} fields]"}


def _brief(value: Any) -> Any:
    return value if isinstance(value, datetime) else cut(str(value), KEY_BYTES)
