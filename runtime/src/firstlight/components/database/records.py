"""The records of a read: its text is executed on a connection of the pool, without a transaction."""

import time
from collections.abc import Sequence
from typing import Any

from sqlalchemy.util import await_only, greenlet_spawn

from . import failures
from .reads import Compiled
from .servers import Server


async def fetch(server: Server, compiled: Compiled, arguments: Sequence[Any]) -> Sequence[Any]:
    """The records as the driver returns them. Raises the errors of the pool and of the driver."""
    entry = server.pool.take_idle()
    if entry is None:  # in a greenlet, because the pool may have to wait or to connect
        return await greenlet_spawn(_fetch, server, compiled, arguments)
    began = time.perf_counter_ns()
    try:
        records: Sequence[Any] = await server.fetch(entry.driver_connection, compiled.text, arguments)
    except BaseException as error:
        _failed(server, compiled, began, error)
        await greenlet_spawn(server.pool.discard, entry, error)
        raise
    server.statements.ended(compiled.text, began)
    server.pool.give_back(entry)
    return records


def _fetch(server: Server, compiled: Compiled, arguments: Sequence[Any]) -> Sequence[Any]:
    entry = server.pool.connect()
    driver: Any = entry.driver_connection
    began = time.perf_counter_ns()
    try:
        records: Sequence[Any] = await_only(server.fetch(driver, compiled.text, arguments))
    except BaseException as error:
        _failed(server, compiled, began, error)
        entry.invalidate()  # its state is unknown
        raise
    server.statements.ended(compiled.text, began)
    entry.close()
    return records


def _failed(server: Server, compiled: Compiled, began: int, error: BaseException) -> None:
    server.statements.ended(compiled.text, began, error)
    if failures.is_stale(error):
        server.pool.renew()
