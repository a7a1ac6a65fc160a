"""A PostgreSQL server for the tests of the database component, and a database for each of them."""

import os
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from firstlight.testing.postgresql import MISSING, PostgresqlServer, find

from .ledger import PASSWORD, prepare

NUMBERS = count(1)


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgresqlServer]:
    """One server for all tests of this process. Without PostgreSQL, tests are skipped; in CI, they fail.

    A test that stops or kills the server must start it again.
    """
    if find() is None:
        if os.environ.get("CI"):
            pytest.fail(MISSING)
        pytest.skip(MISSING)
    with PostgresqlServer() as server:
        yield server


@pytest.fixture
def postgresql_url(postgresql: PostgresqlServer) -> Iterator[str]:
    """The URL of an empty database that only this test uses."""
    name = f"test_{next(NUMBERS)}"
    yield postgresql.create_database(name)
    postgresql.drop_database(name)


@pytest.fixture(scope="session")
def ledger_server(postgresql: PostgresqlServer) -> Iterator[PostgresqlServer]:
    """A server that is broken and killed, with the tables of `programs/ledger.py`. Its connections need a password."""
    del postgresql  # skips or fails without PostgreSQL
    with PostgresqlServer(password=PASSWORD, deadlock_timeout="400ms") as server:
        prepare(server)
        yield server


@pytest.fixture
def anyio_backend() -> str:
    """Asynchronous tests run on asyncio."""
    return "asyncio"


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database, once of each system."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/test.sqlite3"
    found: str = request.getfixturevalue("postgresql_url")
    return found
