"""What of a log line has a place of its own in a record of OTLP, in JSON and in bytes."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

SEVERITIES = {"debug": 5, "info": 9, "warning": 13, "error": 17, "critical": 21}
# In the record itself or in its resource.
PLACED = frozenset({"timestamp", "level", "event", "service", "version", "env", "trace_id", "span_id"})


def nanoseconds(line: Mapping[str, Any]) -> int:
    """The time of a line, since the epoch."""
    return round(datetime.fromisoformat(line["timestamp"]).timestamp() * 1e6) * 1000


def attributes(line: Mapping[str, Any]) -> Mapping[str, Any]:
    """The fields that have no other place."""
    return {key: value for key, value in line.items() if key not in PLACED}
