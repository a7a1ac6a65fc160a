"""The section of the cache on the development console: outcomes of reads, loads, calls of Redis, queues."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from ...metrics.durations import Durations
from ...section import Section
from .levels import Levels
from .metrics import CALLS, LOADS, READS
from .write_behind.measures import depths

Row = Sequence[Any]
OUTCOMES = ("memory", "redis", "stale", "joined", "miss", "error")


def section(levels: Levels) -> Section:
    """The section of an open cache."""
    return Section("Cache", lambda: _read(levels))


def _read(levels: Levels) -> Mapping[str, Any]:
    tables = [
        _table("Reads", ("cache", *OUTCOMES, "entries", "bytes"), _reads(levels)),
        _table("Loads", ("cache", "outcome", "count", "mean_ms"), _times(LOADS)),
    ]
    if levels.shared is not None:
        tables.append(_table("Calls of Redis", ("operation", "error", "count", "mean_ms"), _times(CALLS)))
    if queues := depths():
        tables.append(_table("Queues", ("queue", "writes", "oldest_seconds", "set_aside"), queues))
    return {"values": _values(levels), "tables": tables}


def _values(levels: Levels) -> Mapping[str, Any]:
    values = {"memory_bytes": levels.memory.bytes, "memory_entries": len(levels.memory)}
    if levels.shared is None or levels.tracking is None:
        return {"server": "none: memory alone", **values}
    address, pool = levels.shared.server.destination.address, levels.shared.server.pool
    return {
        "server": f"{address.host}:{address.port}/{address.database}",
        "server_is_used": levels.tracking.is_up,
        "server_must_still_forget": len(levels.pending),
        "connections_used": pool.used,
        "calls_waiting": pool.pending,
        **values,
    }


def _table(title: str, columns: Sequence[str], rows: Iterable[Row]) -> Mapping[str, Any]:
    return {"title": title, "columns": columns, "rows": [*rows]}


def _reads(levels: Levels) -> Iterator[Row]:
    counted: dict[str, dict[str, int]] = {}
    for (cache, outcome), count in READS.children():
        counted.setdefault(cache, {})[outcome] = round(count.value)
    for cache, outcomes in sorted(counted.items()):
        yield cache, *(outcomes.get(each, 0) for each in OUTCOMES), *levels.memory.used(cache)


def _times(family: Durations) -> Iterator[Row]:
    for (name, outcome), child in family.children():
        if count := sum(child.counts):
            yield name, outcome, count, round(child.total / count * 1000, 3)
