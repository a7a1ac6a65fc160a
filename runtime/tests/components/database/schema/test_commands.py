"""The commands and the start of a service, as processes."""

from collections.abc import Callable
from pathlib import Path

import pytest

from firstlight.testing import ServiceProcess

from ....conftest import PROGRAMS
from .schemas import ADD, CREATE, FIRST, SECOND, schema

Serve = Callable[..., ServiceProcess]
CLOSED = "postgresql://me:secret@127.0.0.1:1/parcels"

PARCELS = str(PROGRAMS / "migrated.py")


@pytest.fixture
def parcels(tmp_path: Path, serve: Serve) -> Serve:
    """Starts the service, whose package has two migrations and no database yet."""
    package = tmp_path / "acme_parcels"
    package.mkdir()
    (package / "__init__.py").touch()
    schema(package / "migrations", CREATE, ADD)

    def start(*arguments: str, url: str = f"sqlite:///{tmp_path}/parcels.sqlite3") -> ServiceProcess:
        return serve(PARCELS, *arguments, PYTHONPATH=str(tmp_path), DATABASE_URL=url)

    return start


def test_the_start_waits_for_the_command(parcels: Serve) -> None:
    """Two processes migrate at once on SQLite: each revision is applied once. Then the port opens."""
    web = parcels()
    delayed = web.wait_for("startup.delayed", component="database")
    assert f"the schema is empty and must be at {SECOND}: run `python -m acme_parcels migrate`" in delayed["reason"]

    commands = [parcels("migrate"), parcels("migrate", "--local")]
    assert [command.wait() for command in commands] == [0, 0]
    lines = [line for command in commands for line in command.lines]
    applied = [line["revision"] for line in lines if line["event"] == "database.migration_applied"]
    assert sorted(applied) == [FIRST, SECOND]
    assert [line for line in lines if line.get("logger", "").startswith("alembic")] == []
    web.wait_for("service.started")


def test_a_closed_port_is_one_sentence(parcels: Serve) -> None:
    """The command fails, and the start waits. Both say why, without the password."""
    web, command = parcels(url=CLOSED), parcels("migrate", "--local", url=CLOSED)

    assert command.wait() == 1
    failed = command.wait_for("command.failed")["exception"].partition("\n")[0]
    assert "SchemaError: the database cannot be reached, or refuses to work: " in failed
    delayed = web.wait_for("startup.delayed", component="database")["reason"]
    for said in (failed, delayed):
        assert "Connect" in said
    assert "postgresql://127.0.0.1:1/parcels does not answer: Connect" in delayed
    for said in (failed, delayed):
        assert "secret" not in said


def test_a_database_on_another_machine_is_left_alone(parcels: Serve) -> None:
    """`make run` must not migrate what others use. It does not even connect."""
    command = parcels("migrate", "--local", url="postgresql://me:secret@db.example.invalid/parcels")

    assert command.wait() == 0
    assert command.wait_for("database.migration_skipped")["reason"] == "the database is not on this machine"


def test_bad_arguments_end_with_status_2(parcels: Serve) -> None:
    """One event with one sentence, without a traceback."""
    command = parcels("migrate", "now")

    assert command.wait() == 2
    failed = command.wait_for("command.failed")
    assert failed["reason"] == "migrate takes no arguments, --local, or --to and a revision, not 'now'"
    assert (failed["exit_status"], "exception" in failed) == (2, False)


def test_an_unknown_revision_ends_with_status_2(parcels: Serve) -> None:
    """It is a wrong argument, and nothing is applied."""
    command = parcels("migrate", "--to", "v9")

    assert command.wait() == 2
    assert command.wait_for("command.failed")["reason"] == f"there is no revision v9; the newest is {SECOND}"


def test_a_failed_migration_ends_with_status_1(parcels: Serve, tmp_path: Path) -> None:
    """One event names the revision and the reason."""
    file = tmp_path / f"acme_parcels/migrations/{SECOND}.py"
    file.write_text(file.read_text().replace(ADD, 'op.execute("SELECT * FROM missing_table")'))
    command = parcels("migrate")

    assert command.wait() == 1
    failed = command.wait_for("database.migration_failed")
    assert (failed["revision"], failed["reason"]) == (SECOND, "no such table: missing_table")
    assert command.wait_for("command.failed")["exit_status"] == 1
