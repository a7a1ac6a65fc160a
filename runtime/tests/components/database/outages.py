"""What can happen to a database: each is a context that breaks it, and mends it at the end."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from .ledger import DATABASE, PASSWORD, POOL_SIZE, ROLE, Ledger, until

Outage = Callable[[Ledger], AbstractAsyncContextManager[None]]

DISK_FULL = """
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = 'disk_full'; END $$;
CREATE TRIGGER full_disk BEFORE INSERT ON entries EXECUTE FUNCTION refuse();
"""


def outage(begin: Callable[[Ledger], object], end: Callable[[Ledger], object]) -> Outage:
    """One that two calls begin and end."""

    @asynccontextmanager
    async def lasting(ledger: Ledger) -> AsyncIterator[None]:
        try:
            begin(ledger)
            yield
        finally:
            end(ledger)

    return lasting


def at_the_server(broken: str, mended: str, database: str = "postgres") -> Outage:
    """One of SQL. The server has ended the sessions of the service as well."""

    def begin(ledger: Ledger) -> None:
        ledger.server.sql(broken, database)
        ledger.end_sessions()

    return outage(begin, lambda ledger: ledger.server.sql(mended, database))


def _restored(ledger: Ledger) -> None:
    ledger.proxy.restore()


def _started(ledger: Ledger) -> None:
    ledger.server.start()


CRASHED = outage(lambda ledger: ledger.server.kill(), _started)
STOPPED = outage(lambda ledger: ledger.server.stop(), _started)
UNREACHABLE = outage(lambda ledger: ledger.proxy.refuse(), _restored)
HANGING = outage(lambda ledger: ledger.proxy.hang(), _restored)
SLOW = outage(lambda ledger: ledger.proxy.slow(to_client=0.03), _restored)
TOO_SLOW = outage(lambda ledger: ledger.proxy.slow(to_client=3), _restored)
FLAPPING = outage(lambda ledger: ledger.proxy.flap(up=0.05, down=0.2), _restored)
SESSIONS_ENDED = outage(Ledger.end_sessions, lambda _: None)

WRONG_PASSWORD = at_the_server(f"ALTER ROLE {ROLE} PASSWORD 'other'", f"ALTER ROLE {ROLE} PASSWORD '{PASSWORD}'")
NO_CONNECTION_LEFT = at_the_server(f"ALTER ROLE {ROLE} CONNECTION LIMIT 0", f"ALTER ROLE {ROLE} CONNECTION LIMIT -1")
CLOSED = at_the_server(
    f"ALTER DATABASE {DATABASE} ALLOW_CONNECTIONS false", f"ALTER DATABASE {DATABASE} ALLOW_CONNECTIONS true"
)
# As a server does that was the primary before.
READ_ONLY = at_the_server(
    f"ALTER DATABASE {DATABASE} SET default_transaction_read_only = on",
    f"ALTER DATABASE {DATABASE} RESET default_transaction_read_only",
)
# The server says what it says when its disk is full. To fill one, tests need the right to mount.
FULL = at_the_server(DISK_FULL, "DROP FUNCTION refuse CASCADE", DATABASE)


@asynccontextmanager
async def dropped(ledger: Ledger) -> AsyncIterator[None]:
    """There is no such database. It has another name, so that it can come back with its rows."""
    async with CLOSED(ledger):
        ledger.server.sql(f"ALTER DATABASE {DATABASE} RENAME TO away")
        try:
            yield
        finally:
            ledger.server.sql(f"ALTER DATABASE away RENAME TO {DATABASE}")


@asynccontextmanager
async def pool_exhausted(ledger: Ledger) -> AsyncIterator[None]:
    """Other requests hold every connection of the pool."""
    holding = [asyncio.create_task(ledger.client.post("/hold")) for _ in range(POOL_SIZE)]
    try:
        async with ledger.session() as session:
            held = f"usename = '{ROLE}' AND state = 'idle in transaction'"
            await until(session, f"SELECT count(*) = {POOL_SIZE} FROM pg_stat_activity WHERE {held}")  # noqa: S608
        yield
    finally:
        await ledger.client.post("/release")
        await asyncio.gather(*holding)


def locked(mode: str) -> Outage:
    """Another client has locked the table, so statements take too long."""

    @asynccontextmanager
    async def lasting(ledger: Ledger) -> AsyncIterator[None]:
        async with ledger.session() as session, session.transaction():
            await session.execute(f"LOCK TABLE entries IN {mode} MODE")
            yield

    return lasting
