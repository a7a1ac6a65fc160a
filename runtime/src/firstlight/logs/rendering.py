"""One event as one line: JSON for a collector, or text for a person at a terminal; at most 64 KiB."""

from datetime import datetime
from typing import Any

import orjson
import structlog

from .limits import KEY_BYTES, LINE_BYTES, cut
from .redaction import redact
from .values import TRACES, fields

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
        event = _made_plain(event)
        line = orjson.dumps(event, option=_OPTIONS)
    return line if len(line) <= LINE_BYTES else orjson.dumps(_shortened(event), option=_OPTIONS)


def console(event: Event) -> bytes:
    """For a person at a terminal, which must not be steered by what a client sent. Tracebacks keep their lines."""
    try:
        line = _console(event)
    except Exception:  # noqa: BLE001 - as above
        line = _console(_made_plain(event))
    return line if len(line) <= LINE_BYTES else _console(_shortened(event))[: LINE_BYTES - 1] + b"\n"


def _made_plain(event: Event) -> Event:
    return {"timestamp": event["timestamp"], **redact(fields({k: v for k, v in event.items() if k != "timestamp"}))}


def _shortened(event: Event) -> Event:
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


_pretty = structlog.dev.ConsoleRenderer(pad_event_to=24)


def _console(event: Event) -> bytes:
    below = [_lines(event[name]) for name in TRACES if _is_block(event.get(name))]
    shown = {
        _printable(key): _printable(value) for key, value in event.items() if not (key in TRACES and _is_block(value))
    }
    shown["timestamp"] = f"{event['timestamp']:%H:%M:%S.%f}"[:-3]
    for name in TRACES:
        if name in shown:  # the renderer has its own idea of both names
            shown[f"{name}_"] = shown.pop(name)
    return "\n".join((_pretty(None, "", shown), *below, "")).encode(errors="backslashreplace")


def _is_block(value: Any) -> bool:
    return isinstance(value, str) and "\n" in value


def _lines(text: str) -> str:
    return "\n".join(map(_printable, text.splitlines()))


def _printable(value: Any) -> Any:
    """Text without what moves the cursor, ends a line or turns the direction of writing; other values as they are."""
    if not isinstance(value, str) or value.isprintable():
        return value
    return "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in value)
