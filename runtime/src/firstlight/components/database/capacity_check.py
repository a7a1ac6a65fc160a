"""Compares the pools with the connections that each server has, once after the start."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import structlog

from . import failures
from .addresses import POSTGRESQL, system_of
from .capacity import LIMITS, Demand, Limits
from .connector import Connector
from .metrics import POOLS_CONNECTIONS_MAX, SERVER_CONNECTIONS_MAX
from .servers import Server
from .settings import DatabaseSettings

log = structlog.get_logger()

RETRY_SECONDS = 30.0  # a server that cannot be asked has worse trouble


def demand_of(settings: DatabaseSettings) -> Demand:
    """What these settings ask of each server. With replicas, each instance has one more connection to it."""
    return Demand(settings.pool_size, settings.instances, 1 if settings.replica_urls else 0)


async def compare(servers: Sequence[Server], settings: DatabaseSettings) -> None:
    """One event for each server that has too few connections. Returns when all have been asked."""
    demand = demand_of(settings)
    waiting = [server for server in servers if server.dialect_name == POSTGRESQL]
    while waiting:
        for server in list(waiting):
            try:
                _report(server.name, demand, await limits_of(server.connect))
            except Exception as error:
                if not failures.is_unavailable(error):
                    raise
            else:
                waiting.remove(server)
        if waiting:
            await asyncio.sleep(RETRY_SECONDS)


async def ask(settings: DatabaseSettings) -> Limits | None:
    """The limits of the server that these settings name; `None` with SQLite. Raises what `limits_of` raises."""
    url = settings.address
    return await limits_of(Connector(lambda: url, settings, "doctor")) if system_of(url) == POSTGRESQL else None


async def limits_of(connect: Callable[[], Awaitable[Any]]) -> Limits:
    """The limits of a server, over a connection of its own. Raises the errors of asyncpg, and `OSError`."""
    connection = await connect()
    try:
        return Limits(*await connection.fetchrow(LIMITS))
    finally:
        await connection.close()


def _report(server: str, demand: Demand, limits: Limits) -> None:
    SERVER_CONNECTIONS_MAX.labels(server).set(limits.tightest[0])
    POOLS_CONNECTIONS_MAX.labels(server).set(demand.connections)
    excess = demand.excess(limits)
    if excess is not None:
        log.warning(
            "database.pools_exceeded_server",
            server=server,
            connections=demand.connections,
            allowed=excess.allowed,
            pool_size=demand.pool_size,
            instances=demand.instances,
            reason=excess.sentence,
        )
