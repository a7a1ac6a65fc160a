"""The throw-away PostgreSQL server: real programs, real crashes."""

import asyncio
import os
import socket
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import asyncpg  # type: ignore[import-untyped]
import pytest

from firstlight.testing.postgresql import MISSING, PostgresqlReplica, PostgresqlServer, find

if find() is None and not os.environ.get("CI"):
    pytest.skip(MISSING, allow_module_level=True)


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresqlServer]:
    """One server, with a password."""
    with PostgresqlServer(password="correct@horse/battery", max_connections=12) as server:  # noqa: S106 - a test's password
        yield server


def query(url: str, statement: str, **arguments: object) -> object:
    """The first value that a client over TCP gets."""

    async def ask() -> object:
        connection = await asyncpg.connect(url, **arguments)
        try:
            return await connection.fetchval(statement)
        finally:
            await connection.close()

    return asyncio.run(ask())


def test_a_database_can_be_used_over_tcp(server: PostgresqlServer) -> None:
    """The URL has all that a client needs."""
    url = server.create_database("used")

    assert query(url, "SELECT current_database()") == "used"
    assert server.sql("SELECT 1, 2", "used") == "1|2"


def test_a_wrong_password_is_refused(server: PostgresqlServer) -> None:
    """The password counts, also in a URL with characters that are escaped there."""
    with pytest.raises(asyncpg.InvalidPasswordError):
        query(server.url(), "SELECT 1", password="wrong")  # noqa: S106


def test_a_database_can_be_copied(server: PostgresqlServer) -> None:
    """A template saves the time of the migrations."""
    server.create_database("original")
    server.sql("CREATE TABLE links AS SELECT 'one' AS slug", "original")

    server.create_database("copy", template="original")

    assert server.sql("SELECT slug FROM links", "copy") == "one"


def test_a_database_in_use_can_be_removed(server: PostgresqlServer) -> None:
    """A test that leaves a connection open does not keep its database."""

    async def remove() -> None:
        connection = await asyncpg.connect(server.create_database("used_up"))
        server.drop_database("used_up")
        connection.terminate()

    asyncio.run(remove())
    assert server.sql("SELECT count(*) FROM pg_database WHERE datname = 'used_up'") == "0"


def test_options_reach_the_server(server: PostgresqlServer) -> None:
    """Those of the caller, and those that make it fast."""
    assert server.sql("SHOW max_connections") == "12"
    assert server.sql("SHOW fsync") == "off"


def test_a_failed_statement_says_why(server: PostgresqlServer) -> None:
    """The message of the server is in the error."""
    with pytest.raises(RuntimeError, match='relation "nowhere" does not exist'):
        server.sql("SELECT * FROM nowhere")


def test_a_killed_server_recovers_on_its_port(server: PostgresqlServer) -> None:
    """Committed rows are there after the crash; sessions are not."""
    server.sql("CREATE TABLE survivors AS SELECT 1 AS number")
    url = server.url()

    server.kill()
    with socket.socket() as client:
        refused = client.connect_ex(("127.0.0.1", server.port))
    server.start()

    assert refused != 0
    assert query(url, "SELECT number FROM survivors") == 1
    assert "automatic recovery in progress" in server.log


def test_a_stopped_server_starts_again_on_its_port(server: PostgresqlServer) -> None:
    """A stop in order needs no recovery, and may be repeated."""
    recoveries = server.log.count("automatic recovery")

    server.stop()
    server.stop()
    server.start()

    assert query(server.url(), "SELECT 1") == 1
    assert server.log.count("automatic recovery") == recoveries


def test_it_speaks_tls(tmp_path: Path) -> None:
    """The key is copied to where the account of the server can read it."""
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"]
    made = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", *names]
    subprocess.run([*made, "-keyout", key, "-out", certificate], check=True, capture_output=True)  # noqa: S603
    context = ssl.create_default_context(cafile=certificate)

    with PostgresqlServer(ssl="on", ssl_cert_file=certificate, ssl_key_file=key) as server:
        encrypted = query(server.url(), "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()", ssl=context)

    assert encrypted is True


def test_a_replica_follows_its_primary(server: PostgresqlServer) -> None:
    """It has what was there before, gets what is written later, and can be cut from its primary."""
    server.sql("CREATE TABLE copied AS SELECT 1 AS number")
    with PostgresqlReplica(server, max_connections=12) as replica:
        before = query(replica.url(), "SELECT number FROM copied")
        server.sql("UPDATE copied SET number = 2")
        reached = replayed(server, replica)
        after = query(replica.url(), "SELECT number FROM copied")
        replica.cut()
        wait_for(lambda: replica.sql("SELECT count(*) FROM pg_stat_wal_receiver") == "0")
        server.sql("UPDATE copied SET number = 3")
        cut = query(replica.url(), "SELECT number FROM copied")
        replica.connect()
        replayed(server, replica)
        last = query(replica.url(), "SELECT number FROM copied")

    assert (before, reached, after, cut, last) == (1, True, 2, 2, 3)


def replayed(primary: PostgresqlServer, replica: PostgresqlReplica) -> bool:
    """Wait until the replica has what the primary has written by now."""
    position = primary.sql("SELECT pg_current_wal_flush_lsn()")
    wait_for(lambda: replica.sql(f"SELECT pg_last_wal_replay_lsn() >= '{position}'") == "t")
    return True


def wait_for(condition: Callable[[], bool]) -> None:
    """Ask until it holds."""
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_nothing_is_left_after_a_failed_test() -> None:
    """The folder and the processes are gone, also those of a killed server and of one that could not start."""
    server = PostgresqlServer()
    unable = PostgresqlServer(nonsense=1)

    with pytest.raises(ZeroDivisionError), server:
        fail(server)
    with pytest.raises(RuntimeError, match='unrecognized configuration parameter "nonsense"'), unable:
        pytest.fail("it started")

    assert not server.folder.exists()
    assert not unable.folder.exists()
    assert not [command for command in commands() if str(server.folder) in command]


def fail(server: PostgresqlServer) -> None:
    """Fail as a test does, while the server is killed."""
    server.kill()
    raise ZeroDivisionError


def commands() -> Iterator[str]:
    """The command lines of the machine."""
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(FileNotFoundError, ProcessLookupError):
            yield file.read_text()
