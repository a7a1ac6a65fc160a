"""The service `programs/ledger.py` as a process, its database behind a fault proxy, and what a test asks of both."""

import asyncio
import itertools
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import asyncpg  # type: ignore[import-untyped]
import httpx2
from sqlalchemy import Dialect
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateTable

from firstlight.testing.postgresql import PostgresqlServer
from firstlight.testing.process import TIMEOUT_SECONDS, ServiceProcess

from ...conftest import PROGRAMS
from ...fault_proxy import FaultProxy
from ...programs.ledger import METADATA

PROGRAM = str(PROGRAMS / "ledger.py")
DATABASE, ROLE, PASSWORD = "ledger", "service", "correct"
DIALECT: Dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
TABLES = ";".join(str(CreateTable(table).compile(dialect=DIALECT)) for table in METADATA.sorted_tables)
POOL_SIZE = 4
LIMITS = {
    "DATABASE_POOL_SIZE": str(POOL_SIZE),
    "DATABASE_POOL_WAIT_SECONDS": "0.3",
    "DATABASE_CONNECT_SECONDS": "0.4",
    "DATABASE_STATEMENT_SECONDS": "0.8",
    "DATABASE_TRANSACTION_SECONDS": "3",
}
POLL_SECONDS = 0.02
NUMBERS = itertools.count(1)


def prepare(server: PostgresqlServer) -> None:
    """Create the role, the database and its tables."""
    server.sql(f"CREATE ROLE {ROLE} LOGIN PASSWORD '{PASSWORD}'")
    server.sql(f"CREATE DATABASE {DATABASE} OWNER {ROLE}")
    server.sql(f"SET ROLE {ROLE}; {TABLES}", DATABASE)


def url(port: int) -> str:
    """The `DATABASE_URL` of a service that reaches the server by this port."""
    return f"postgresql://{ROLE}:{PASSWORD}@127.0.0.1:{port}/{DATABASE}"


async def until(session: Any, query: str) -> None:
    """Wait until the result of a query is true. Raises `TimeoutError`."""
    async with asyncio.timeout(TIMEOUT_SECONDS):
        while not await session.fetchval(query):  # noqa: ASYNC110 - only asking tells
            await asyncio.sleep(POLL_SECONDS)


@dataclass
class Ledger:
    """A running service, and everything behind it."""

    server: PostgresqlServer
    proxy: FaultProxy
    process: ServiceProcess
    client: httpx2.AsyncClient
    acknowledged: list[str] = field(default_factory=list)
    """The names of the rows that the service has said to be written."""
    refused: list[str] = field(default_factory=list)
    """The names of those that it could not write, or did not know of."""

    async def read(self, name: str = "first") -> httpx2.Response:
        """GET one row."""
        return await self.client.get(f"/entries/{name}")

    async def write(self, name: str = "") -> httpx2.Response:
        """POST a row under a key of its own, and note what the service says. With `name`, do the same again."""
        name = name or f"row-{next(NUMBERS)}"
        response = await self.client.post("/entries", json={"name": name}, headers={"Idempotency-Key": name})
        (self.acknowledged if response.status_code == httpx2.codes.CREATED else self.refused).append(name)
        return response

    def all_written_once(self) -> bool:
        """Whether each row that was confirmed is there once."""
        times = self.times()
        return all(times.get(name) == 1 for name in self.acknowledged)

    async def write_refused(self) -> None:
        """Repeat what was refused, until each row is written. Another request with the key may still run."""
        async with asyncio.timeout(TIMEOUT_SECONDS):
            while self.refused:
                await self.write(self.refused.pop())

    async def probe(self, name: str) -> httpx2.Response:
        """GET a page of the management port."""
        async with httpx2.AsyncClient(base_url=self.process.management_url, timeout=TIMEOUT_SECONDS) as client:
            return await client.get(name)

    async def check(self) -> str:
        """`pass` or `fail`: what the check `database` says now."""
        (state,) = (await self.probe("/health")).json()["checks"]["database"]
        return str(state["status"])

    async def becomes(self, status: str, seconds: float = TIMEOUT_SECONDS) -> None:
        """Wait until the check has this status. Raises `TimeoutError`."""
        async with asyncio.timeout(seconds):
            while await self.check() != status:  # noqa: ASYNC110 - only asking tells
                await asyncio.sleep(POLL_SECONDS)

    async def recovered(self) -> float:
        """Wait until the service reads and writes again. Returns the seconds that it took."""
        began = time.monotonic()
        async with asyncio.timeout(TIMEOUT_SECONDS):
            while not ((await self.read()).is_success and (await self.write()).is_success):  # noqa: ASYNC110 - as above
                await asyncio.sleep(POLL_SECONDS)
        return time.monotonic() - began

    async def connections_in_use(self) -> float:
        """How many connections of the pool requests and the check hold, at the least within a second."""
        least = await self._in_use()
        deadline = time.monotonic() + 1
        while least and time.monotonic() < deadline:
            least = min(least, await self._in_use())
        return least

    async def _in_use(self) -> float:
        metrics = (await self.probe("/metrics")).text.splitlines()
        (line,) = [line for line in metrics if line.startswith("db_client_connections{") and '"used"' in line]
        return float(line.split()[-1])

    def times(self) -> dict[str, int]:
        """How often each row was written."""
        rows = self.server.sql("SELECT name, count(*) FROM entries GROUP BY name", DATABASE).splitlines()
        return {name: int(times) for name, times in (row.split("|") for row in rows)}

    @asynccontextmanager
    async def session(self) -> AsyncIterator[Any]:
        """A connection of asyncpg of another client, with every right."""
        connection = await asyncpg.connect(
            host=str(self.server.folder), port=self.server.port, user="postgres", database=DATABASE
        )
        try:
            yield connection
        finally:
            await connection.close()

    def end_sessions(self) -> None:
        """End the sessions of the service, as an operator or a failover does."""
        self.server.sql(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{ROLE}'")  # noqa: S608
