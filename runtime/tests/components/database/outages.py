"""What can happen to a database: each is a context that breaks it, and mends it at the end."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from .ledger import DATABASE, PASSWORD, POLL_SECONDS, POOL_SIZE, ROLE, Ledger

DISK_FULL = """
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = 'disk_full'; END $$;
CREATE TRIGGER full_disk BEFORE INSERT ON entries EXECUTE FUNCTION refuse();
"""


@asynccontextmanager
async def crashed(ledger: Ledger) -> AsyncIterator[None]:
    """The server's processes are killed; it recovers at its next start."""
    ledger.server.kill()
    yield
    ledger.server.start()


@asynccontextmanager
async def stopped(ledger: Ledger) -> AsyncIterator[None]:
    """The server is stopped in order."""
    ledger.server.stop()
    yield
    ledger.server.start()


@asynccontextmanager
async def unreachable(ledger: Ledger) -> AsyncIterator[None]:
    """Connections are reset, and new ones refused."""
    ledger.proxy.refuse()
    yield
    ledger.proxy.restore()


@asynccontextmanager
async def hanging(ledger: Ledger) -> AsyncIterator[None]:
    """Nothing arrives, in neither direction, and no connection ends."""
    ledger.proxy.hang()
    yield
    ledger.proxy.restore()


@asynccontextmanager
async def slow(ledger: Ledger) -> AsyncIterator[None]:
    """Each answer of the server takes 50 ms, which is within the limits."""
    ledger.proxy.slow(to_client=0.05)
    yield
    ledger.proxy.restore()


@asynccontextmanager
async def too_slow(ledger: Ledger) -> AsyncIterator[None]:
    """Each answer of the server takes longer than a statement may."""
    ledger.proxy.slow(to_client=3)
    yield
    ledger.proxy.restore()


@asynccontextmanager
async def flapping(ledger: Ledger) -> AsyncIterator[None]:
    """The server is there for 50 ms, then away for 200 ms, and so on."""
    ledger.proxy.flap(up=0.05, down=0.2)
    yield
    ledger.proxy.restore()


@asynccontextmanager
async def sessions_ended(ledger: Ledger) -> AsyncIterator[None]:
    """The server has ended every session, and accepts new ones."""
    ledger.end_sessions()
    yield


@asynccontextmanager
async def read_only(ledger: Ledger) -> AsyncIterator[None]:
    """The server refuses to write, as one does that was a primary before."""
    ledger.server.sql(f"ALTER DATABASE {DATABASE} SET default_transaction_read_only = on")
    ledger.end_sessions()
    yield
    ledger.server.sql(f"ALTER DATABASE {DATABASE} RESET default_transaction_read_only")


@asynccontextmanager
async def full(ledger: Ledger) -> AsyncIterator[None]:
    """The server says what it says when the disk is full. Filling one needs the right to mount."""
    ledger.server.sql(DISK_FULL, DATABASE)
    yield
    ledger.server.sql("DROP FUNCTION refuse CASCADE", DATABASE)


@asynccontextmanager
async def without_connections(ledger: Ledger) -> AsyncIterator[None]:
    """The server has as many connections as it accepts."""
    ledger.server.sql(f"ALTER ROLE {ROLE} CONNECTION LIMIT 0")
    ledger.end_sessions()
    yield
    ledger.server.sql(f"ALTER ROLE {ROLE} CONNECTION LIMIT -1")


@asynccontextmanager
async def wrong_password(ledger: Ledger) -> AsyncIterator[None]:
    """Somebody has changed the password at the server."""
    ledger.server.sql(f"ALTER ROLE {ROLE} PASSWORD 'other'")
    ledger.end_sessions()
    yield
    ledger.server.sql(f"ALTER ROLE {ROLE} PASSWORD '{PASSWORD}'")


@asynccontextmanager
async def closed_for_maintenance(ledger: Ledger) -> AsyncIterator[None]:
    """The database accepts no connections."""
    ledger.server.sql(f"ALTER DATABASE {DATABASE} ALLOW_CONNECTIONS false")
    ledger.end_sessions()
    yield
    ledger.server.sql(f"ALTER DATABASE {DATABASE} ALLOW_CONNECTIONS true")


@asynccontextmanager
async def dropped(ledger: Ledger) -> AsyncIterator[None]:
    """There is no such database. It has another name, so that it can come back with its rows."""
    async with closed_for_maintenance(ledger):
        ledger.server.sql(f"ALTER DATABASE {DATABASE} RENAME TO away")
        yield
        ledger.server.sql(f"ALTER DATABASE away RENAME TO {DATABASE}")


@asynccontextmanager
async def pool_exhausted(ledger: Ledger) -> AsyncIterator[None]:
    """Other requests hold every connection of the pool."""
    holding = [asyncio.create_task(ledger.client.post("/hold")) for _ in range(POOL_SIZE)]
    async with ledger.session() as session:
        query = "SELECT count(*) FROM pg_stat_activity WHERE usename = $1 AND state = 'idle in transaction'"
        while await session.fetchval(query, ROLE) < POOL_SIZE:
            await asyncio.sleep(POLL_SECONDS)
    yield
    await ledger.client.post("/release")
    await asyncio.gather(*holding)


@asynccontextmanager
async def locked(ledger: Ledger) -> AsyncIterator[None]:
    """Another client has locked the table, so statements take too long."""
    async with ledger.session() as session, session.transaction():
        await session.execute("LOCK TABLE entries IN ACCESS EXCLUSIVE MODE")
        yield


@asynccontextmanager
async def locked_for_writers(ledger: Ledger) -> AsyncIterator[None]:
    """Another client builds an index, which lets nobody write."""
    async with ledger.session() as session, session.transaction():
        await session.execute("LOCK TABLE entries IN SHARE MODE")
        yield

