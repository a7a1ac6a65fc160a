"""The pytest plug-in with a database: each test sees only its own rows, on SQLite and on PostgreSQL."""

import os
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import pytest
from sqlalchemy import text
from starlette.testclient import TestClient

from firstlight import Service
from firstlight.components.database import DATABASE, Database
from firstlight.components.database.testing import Factory, assert_max_queries
from firstlight.errors import SettingsError
from firstlight.testing import ServiceProcess, with_resource
from firstlight.testing.in_app import InApp
from firstlight.testing.isolation import Isolations
from firstlight.testing.postgresql import find

from .notes import NOTE, NUMBER, SERVICE, TEXT, Note, write_package

SYSTEMS = [
    "sqlite",
    pytest.param("postgresql", marks=pytest.mark.skipif(find() is None and not os.environ.get("CI"), reason="missing")),
]


@pytest.fixture(scope="session", params=SYSTEMS)
def system(request: pytest.FixtureRequest) -> str:
    """The database that `TEST_DATABASE` names."""
    return str(request.param)


@pytest.fixture(scope="session")
def isolations(system: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Isolations]:
    """What the tests of one system share: the schema is made once."""
    with pytest.MonkeyPatch.context() as patch:
        package = tmp_path_factory.mktemp("package")
        write_package(package)
        patch.syspath_prepend(package)
        patch.setenv("PYTHONPATH", str(package))
        patch.setenv("TEST_DATABASE", system)
        with Isolations(tmp_path_factory) as isolations:
            yield isolations


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Service:
    """A service on the machine of a developer, whose database must not be touched."""
    monkeypatch.chdir(tmp_path)
    for variable in ("DATABASE_URL", "DATABASE_REPLICA_URLS"):
        monkeypatch.setenv(variable, "postgresql://developer:secret@database.example/precious")
    monkeypatch.setenv("DATABASE_URL_FILE", str(tmp_path / "url"))
    (tmp_path / ".env").write_text("DATABASE_URL=postgresql://developer:secret@database.example/precious\n")
    return SERVICE


@pytest.fixture
def database(in_app: InApp) -> Database:
    """The database of the running application."""
    return in_app.resource(DATABASE)


@pytest.mark.parametrize("_time", range(2))
def test_changes_are_gone_in_the_next_test(client: TestClient, _time: int) -> None:
    """The second run finds what the first one found. Inside a test, commits are commits."""
    assert client.get("/notes").json()[0] == 0
    assert client.post("/notes/one").status_code == 201
    assert client.post("/retry").text == "7"
    assert client.get("/notes").json()[0] == 2


def test_a_block_that_fails_loses_only_its_own_changes(client: TestClient) -> None:
    """The transaction around the test goes on."""
    client.post("/notes/one")
    assert client.post("/fail").status_code == 500
    assert client.get("/notes").json()[0] == 1


def test_the_developers_database_is_not_used(client: TestClient, system: str, tmp_path: Path) -> None:
    """Neither the environment nor `.env` is read, and no file appears in the working directory."""
    name = client.get("/notes").json()[1]

    assert name == "shared" if system == "postgresql" else name.endswith(".sqlite3")
    assert not (tmp_path / "database.sqlite3").exists()


def test_a_test_puts_rows_where_the_application_finds_them(
    client: TestClient, in_app: InApp, database: Database
) -> None:
    """A factory gives each row what the test does not name."""
    first = in_app(NOTE.create, database, text="first")
    others = in_app(NOTE.create_many, database, 2)

    assert client.get("/notes").json()[0] == 3
    assert len({note.slug for note in (first, *others)}) == 3
    found = in_app(database.read_one, TEXT, slug=first.slug)
    assert found == ("first",)


def test_a_row_can_be_built_without_a_database() -> None:
    """It has the defaults of the factory, and refuses fields that no column has."""
    assert NOTE.build(slug="mine").slug == "mine"
    with pytest.raises(TypeError, match="a factory makes rows of a mapped class"):
        Factory(cast("Any", Note.__table__), slug="mine")
    with pytest.raises(TypeError, match="colour"):
        NOTE.build(colour="red")


def test_statements_are_counted(client: TestClient, in_app: InApp, database: Database) -> None:
    """Those of the ORM and those of reads; transactions and savepoints are none."""
    with assert_max_queries(3) as executed:
        client.get("/notes")
        in_app(NOTE.create, database)
        in_app(NOTE.create, database)

    assert [statement.split()[0] for statement in executed] == ["SELECT", "INSERT", "INSERT"]


def test_too_many_statements_fail_and_are_listed(in_app: InApp, database: Database) -> None:
    """A list that loads something for each of its rows is found in this way."""

    async def ask() -> None:
        for _ in range(3):
            await database.read(NUMBER)

    with pytest.raises(AssertionError) as raised, assert_max_queries(2):
        in_app(ask)

    head, *listed = str(raised.value).splitlines()
    assert head == "3 statements, and at most 2 were expected:"
    assert [line[:10] for line in listed] == ["1. SELECT ", "2. SELECT ", "3. SELECT "]


def test_the_error_of_the_block_passes(client: TestClient) -> None:
    """It says more than the number of statements."""
    with pytest.raises(ZeroDivisionError), assert_max_queries(0):
        ask_and_fail(client)


def ask_and_fail(client: TestClient) -> None:
    """Execute a statement, then fail."""
    client.get("/notes")
    raise ZeroDivisionError


class TestSeparately:
    """A module, or a class, whose tests need a database of their own."""

    @pytest.fixture(scope="class")
    @staticmethod
    def rolled_back() -> bool:
        """Whether a transaction is around each test."""
        return False

    @pytest.mark.parametrize("_time", range(2))
    def test_each_test_has_a_database(
        self, client: TestClient, in_app: InApp, database: Database, system: str, _time: int
    ) -> None:
        """It is a copy, with the schema and without rows, for as many connections as the application wants."""

        async def two_at_a_time() -> None:
            async with database.primary.engine.connect() as one, database.primary.engine.connect() as other:
                if system == "postgresql":
                    assert await one.scalar(text("SELECT pg_backend_pid()")) != await other.scalar(
                        text("SELECT pg_backend_pid()")
                    )

        assert client.get("/notes").json()[0] == 0
        client.post("/notes/one")
        assert client.get("/notes").json()[0] == 1
        if system == "postgresql":
            in_app(two_at_a_time)


def test_processes_get_a_migrated_copy(isolations: Isolations, system: str) -> None:
    """It is removed afterwards."""
    with isolations.isolated(SERVICE, separate=True) as isolated:
        url = isolated.variables["DATABASE_URL"]
        assert url.startswith(system)
        if system == "sqlite":
            with sqlite3.connect(url.removeprefix("sqlite:///")) as connection:
                assert connection.execute("SELECT count(*) FROM notes").fetchone() == (0,)
            connection.close()
    if system == "sqlite":
        assert not Path(url.removeprefix("sqlite:///")).exists()


def test_a_process_uses_a_migrated_copy(serve: Callable[..., ServiceProcess]) -> None:
    """It does not start before the database has the schema, and would wait for the one in the environment for ever."""
    process = serve("noted").started()
    assert process.manage("/health/ready").status_code == 200
    assert process.terminate() == 0


def test_a_fake_needs_no_database(isolations: Isolations) -> None:
    """The component is replaced, so nothing is prepared for it."""
    fake = with_resource(SERVICE, DATABASE, cast("Database", object()))
    with isolations.isolated(fake, separate=False) as isolated:
        assert isolated.variables == {}


def test_another_value_is_refused(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """One sentence says what `TEST_DATABASE` must be."""
    monkeypatch.setenv("TEST_DATABASE", "oracle")
    with (
        Isolations(tmp_path_factory) as isolations,
        pytest.raises(SettingsError, match="TEST_DATABASE must be postgresql or sqlite, not 'oracle'"),
        isolations.isolated(SERVICE, separate=False),
    ):
        pytest.fail("it was accepted")
