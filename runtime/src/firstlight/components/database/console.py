"""The section of the database on the development console: pools, slow statements, statements of requests."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from ...section import Section
from .database import Database
from .metrics import OPERATION_DURATION, REQUEST_STATEMENTS
from .servers import Server

Row = Sequence[Any]


def section(database: Database) -> Section:
    """The section of an open database."""
    servers = (database.primary, *database.replicas)
    return Section("Database", lambda: _read(database, servers))


def _read(database: Database, servers: Sequence[Server]) -> Mapping[str, Any]:
    return {
        "values": {
            "system": database.primary.dialect_name,
            "slow_seconds": database.settings.slow_seconds,
            "statement_seconds": database.settings.statement_seconds,
            "transaction_seconds": database.settings.transaction_seconds,
        },
        "tables": [
            _table("Pools", ("server", "used", "idle", "size", "waiting"), map(_pool, servers)),
            _table("Slow statements", ("time", "server", "ms", "operation", "table", "statement"), _slow(servers)),
            _table("Statements", ("server", "operation", "table", "error", "count", "mean_ms"), _statements()),
            _table("Statements of a request", ("route", "requests", "mean"), _requests()),
        ],
    }


def _table(title: str, columns: Sequence[str], rows: Iterable[Row]) -> Mapping[str, Any]:
    return {"title": title, "columns": columns, "rows": [*rows]}


def _pool(server: Server) -> Row:
    pool = server.pool
    return server.name, pool.checkedout(), pool.checkedin(), pool.size(), pool.pending


def _slow(servers: Sequence[Server]) -> Iterator[Row]:
    """The newest first."""
    found = [(each, server.name) for server in servers for each in list(server.slow.recent)]
    for each, name in sorted(found, key=lambda pair: -pair[0].time):
        yield round(each.time, 3), name, round(each.seconds * 1000, 1), each.operation, each.table, each.text


def _statements() -> Iterator[Row]:
    for (_, operation, table, server, error), child in OPERATION_DURATION.children():
        if count := sum(child.counts):
            yield server, operation, table, error, count, round(child.total / count * 1000, 3)


def _requests() -> Iterator[Row]:
    for (route,), child in REQUEST_STATEMENTS.children():
        if count := sum(child.counts):
            yield route, count, round(child.total / count, 2)
