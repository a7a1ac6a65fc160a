"""A password that is replaced while the service runs, with a real server that demands it."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from sqlalchemy import insert

from firstlight.component import Surroundings
from firstlight.components.database import Database, DatabaseSettings, DatabaseUnavailableError
from firstlight.components.database.component import open_database
from firstlight.components.database.settings import verify
from firstlight.errors import SettingsError
from firstlight.lifecycle import Lifecycle
from firstlight.settings import Settings
from firstlight.testing.postgresql import PostgresqlServer

from ...faults import IDENTITY
from .databases import ACCOUNTS, METADATA, balance, capture_logs
from .replicated import until

pytestmark = pytest.mark.anyio

FIRST, SECOND = "first-pass", "second-pass"
CLIENTS = 4


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresqlServer]:
    """A server with a role `app` that must give its password."""
    with PostgresqlServer(password="of-postgres") as server:  # noqa: S106 - a test's password
        server.sql("CREATE ROLE app LOGIN")
        server.sql("GRANT ALL ON SCHEMA public TO app")
        yield server


@pytest.fixture
def file(server: PostgresqlServer, tmp_path: Path) -> Path:
    """The file of DATABASE_URL_FILE, with the first password."""
    server.sql(f"ALTER ROLE app PASSWORD '{FIRST}'")
    file = tmp_path / "url"
    file.write_text(_url(server, FIRST))
    return file


def _url(server: PostgresqlServer, password: str) -> str:
    return f"postgresql://app:{password}@127.0.0.1:{server.port}/postgres"


def _rotate(server: PostgresqlServer, file: Path) -> None:
    server.sql(f"ALTER ROLE app PASSWORD '{SECOND}'")
    file.write_text(_url(server, SECOND))


class Clients:
    """They use a database without a pause."""

    def __init__(self, database: Database, *, write: bool) -> None:
        """With `write`, each read follows a transaction."""
        self.done = 0
        self.failures: list[Exception] = []
        self._database, self._write = database, write

    async def run(self) -> None:
        """Until it is cancelled."""
        async with asyncio.TaskGroup() as clients:
            for number in range(CLIENTS):
                clients.create_task(self._use(f"client {number}"))

    async def more(self, calls: int = 100) -> None:
        """Wait for more calls."""
        wanted = self.done + calls
        await until(lambda: self.done >= wanted)

    async def _use(self, name: str) -> None:
        while True:
            try:
                if self._write:
                    async with self._database.transaction() as session:
                        await session.execute(ACCOUNTS.update().where(ACCOUNTS.c.name == name).values(balance=1))
                await balance(self._database, name)
                self.done += 1
            except DatabaseUnavailableError as error:
                self.failures.append(error)


@asynccontextmanager
async def _used(file: Path, *, write: bool) -> AsyncIterator[tuple[Database, Clients]]:
    settings = DatabaseSettings(url_file=file, pool_size=CLIENTS)
    async with open_database(Surroundings(settings, Settings(), {}, Lifecycle(), IDENTITY)) as database:
        async with database.primary.engine.begin() as connection:
            await connection.run_sync(METADATA.drop_all)
            await connection.run_sync(METADATA.create_all)
            rows = [{"name": f"client {number}", "balance": 0} for number in range(CLIENTS)]
            await connection.execute(insert(ACCOUNTS), rows)
        clients = Clients(database, write=write)
        running = asyncio.create_task(clients.run())
        await clients.more()
        yield database, clients
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_old_sessions_are_replaced_without_a_failed_call(server: PostgresqlServer, file: Path) -> None:
    """The role gets another password, and the file follows. One look later, no session is of before."""
    async with _used(file, write=True) as (database, clients):
        moment = server.sql("SELECT clock_timestamp()")
        old = f"SELECT count(*) FROM pg_stat_activity WHERE usename = 'app' AND backend_start < '{moment}'"  # noqa: S608
        before = server.sql(old)
        with capture_logs() as events:
            _rotate(server, file)
            await database.watch.look()
            await until(lambda: server.sql(old) == "0")
            await clients.more()
            await database.watch.look()

    assert before == str(CLIENTS)
    assert clients.failures == []
    (event,) = [event for event in events if event["event"].startswith("database.address_")]
    assert (event["event"], event["host"], event["port"]) == ("database.address_changed", "127.0.0.1", server.port)
    assert SECOND not in str(events)


async def test_ended_sessions_do_not_fail_reads(server: PostgresqlServer, file: Path) -> None:
    """Some platforms end the sessions of the old password at once: a new connection has the new one."""
    async with _used(file, write=False) as (_, clients):
        _rotate(server, file)
        ended = server.sql("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE usename = 'app'")
        await clients.more()

    assert ended == str(CLIENTS)
    assert clients.failures == []


@pytest.mark.parametrize(
    ("content", "reason"),
    [("", "is empty"), (None, r"cannot be read \(No such file or directory\)")],
)
def test_a_file_without_a_url_stops_the_start(tmp_path: Path, content: str | None, reason: str) -> None:
    """One sentence that names the variable."""
    file = tmp_path / "url"
    if content is not None:
        file.write_text(content)
    with pytest.raises(SettingsError, match=f"^DATABASE_URL_FILE must name a readable file with one URL: .* {reason}$"):
        verify(DatabaseSettings(url_file=file), Settings())
