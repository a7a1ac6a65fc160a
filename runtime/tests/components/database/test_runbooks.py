"""The runbooks of the database, followed on a real server: a service's pages, and the commands of those of alerts."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from firstlight.testing.postgresql import PostgresqlServer, find

from .pages import ROOT, blocks, run

ALERTS = sorted(ROOT.glob("alerts/runbooks/Database*.md"))
ROWS = 3_000
FILL = (
    "CREATE TABLE alembic_version (version_num varchar(32) PRIMARY KEY)",
    "INSERT INTO alembic_version VALUES ('v0001')",
    "CREATE TABLE links (id serial PRIMARY KEY, slug text UNIQUE, url text)",
    "INSERT INTO links (slug, url) SELECT 's' || n, 'https://example.com/ä' || n FROM generate_series(1, 3000) n",
)


@pytest.fixture
def url(postgresql: PostgresqlServer) -> Iterator[str]:
    """A database with a version, and a table with rows, an index and a sequence."""
    yield postgresql.create_database("runbooks")
    postgresql.drop_database("runbooks")


@pytest.fixture
def filled(postgresql: PostgresqlServer, url: str) -> str:
    """That database, with data."""
    for statement in FILL:
        postgresql.sql(statement, "runbooks")
    return url


def content(server: PostgresqlServer, database: str) -> str:
    """All that the database holds, as text: rows, the state of the sequence, and indexes."""
    return "\n".join(
        server.sql(statement, database)
        for statement in (
            "SELECT md5(string_agg(links::text, ',' ORDER BY id)), count(*) FROM links",
            "SELECT last_value FROM links_id_seq",
            "SELECT indexname FROM pg_indexes WHERE schemaname = 'public' ORDER BY 1",
            "SELECT version_num FROM alembic_version",
        )
    )


def test_what_was_lost_is_back_after_a_restore(postgresql: PostgresqlServer, filled: str, tmp_path: Path) -> None:
    """Data written, dumped and dropped; the page, followed from its first block to its last, has the same rows."""
    backup, look, restore, compare, retire = blocks("database-backup")
    dump, before = tmp_path / "links.dump", content(postgresql, "runbooks")
    variables = {"url": filled, "dump": str(dump), "server": postgresql.url(), "name": "runbooks_restored"}
    variables |= {"restored": postgresql.url("runbooks_restored"), "old": "runbooks"}

    run(backup, **variables)
    assert dump.stat().st_mode & 0o077 == 0
    assert "links" in run(look, **variables)
    postgresql.sql("DROP TABLE links", "runbooks")
    try:
        run(restore, **variables)
        assert content(postgresql, "runbooks_restored") == before
        assert run(compare, **variables) == f"v0001\nalembic_version|1\nlinks|{ROWS}\n"
        run(retire, **variables)
        with pytest.raises(RuntimeError, match="not currently accepting connections"):
            postgresql.sql("SELECT 1", "runbooks")
    finally:
        postgresql.drop_database("runbooks_restored")


def test_a_dump_that_is_cut_restores_nothing(postgresql: PostgresqlServer, filled: str, tmp_path: Path) -> None:
    """The restore fails, and leaves no half of the tables."""
    backup, _, restore, *_ = blocks("database-backup")
    dump = tmp_path / "links.dump"
    variables = {"url": filled, "dump": str(dump), "server": postgresql.url(), "name": "runbooks_restored"}
    variables["restored"] = postgresql.url("runbooks_restored")
    run(backup, **variables)
    dump.write_bytes(dump.read_bytes()[:-2_000])
    try:
        with pytest.raises(AssertionError, match="pg_restore: error"):
            run(restore, **variables)
        assert postgresql.sql("SELECT count(*) FROM pg_stat_user_tables", "runbooks_restored") == "0"
    finally:
        postgresql.drop_database("runbooks_restored")


def test_what_is_in_the_way_of_a_migration_is_found(postgresql: PostgresqlServer, filled: str) -> None:
    """A session that is idle in a transaction, the lock of `migrate`, and an index that is not valid."""
    look, end, index = blocks("failed-migration")
    programs = find()
    assert programs is not None
    command = [str(programs / "psql"), filled, "-X", "-q"]
    idle = subprocess.Popen(command, stdin=subprocess.PIPE, text=True, stdout=subprocess.PIPE)  # noqa: S603 - installed
    assert idle.stdin is not None
    assert idle.stdout is not None
    with idle:
        idle.stdin.write("SELECT pg_advisory_lock(7);\nBEGIN;\nLOCK links;\n\\echo locked\n")
        idle.stdin.flush()
        while "locked" not in idle.stdout.readline():
            pass
        seen = run(look, url=filled)
        assert "v0001" in seen
        assert "idle in transaction" in seen
        assert re.search(r"\| t\b", seen)
        run(end, url=filled)  # it is not idle for long enough
        assert "idle in transaction" in run(look, url=filled)
        assert "| t" in run(end.replace("1 minute", "0 seconds"), url=filled)
        assert "idle in transaction" not in run(look, url=filled)
        idle.stdin.close()
    postgresql.sql("INSERT INTO links (slug, url) VALUES ('again', 'https://example.com/ä1')", "runbooks")
    with pytest.raises(RuntimeError, match="could not create unique index"):
        postgresql.sql("CREATE UNIQUE INDEX CONCURRENTLY one_url ON links (url)", "runbooks")
    printed = run(index, url=filled)
    assert printed == "DROP INDEX CONCURRENTLY one_url;\n"
    postgresql.sql(printed, "runbooks")
    assert run(index, url=filled) == ""


@pytest.mark.parametrize("page", ALERTS, ids=lambda page: page.stem)
def test_commands_of_alerts_are_answered(page: Path, filled: str) -> None:
    """Every statement that a runbook of an alert sends to the server."""
    sent = re.findall(r'^psql "\$(?:url|replica_url)" .*$', page.read_text(encoding="utf-8"), re.MULTILINE)
    assert sent
    for command in sent:
        assert "row" in run(command, url=filled, replica_url=filled)
