"""Releases of a service with a database, each with a migration of its own, and the database that they share."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from delivery.ansible.host import Host
from delivery.ansible.releases import PACKAGE
from delivery.containers import run
from template import ROOT

TESTING = ROOT / "runtime/src/firstlight/testing"  # its package `postgresql` needs nothing else of the runtime
SERVER = """
import sys

from postgresql import PostgresqlServer

with PostgresqlServer(password="open sesame") as server:
    print(server.create_database("links"), flush=True)
    sys.stdin.read()
"""
SOURCE = Path("src/acme_links")
TABLES, PORT = SOURCE / "api/links/tables.py", SOURCE / "api/links/port.py"
LAST_COLUMN = '    Column("version", Text, nullable=False),\n'
LAST_FIELD = '    """No other state of a link has it, also after the link was deleted and created again."""\n'

# What `make migration MESSAGE="add release"` writes.
EXPANDING = '''
"""Add release."""

import sqlalchemy as sa
from alembic import op

revision = "v0003_add_release"
down_revision = "v0002_links"


def upgrade() -> None:
    """Add release."""
    with op.batch_alter_table("links") as batch_op:
        batch_op.add_column(sa.Column("release", sa.Text(), nullable=True))
'''
# The data are not what it expects. What it does before is undone.
IMPOSSIBLE = '''
"""Check titles."""

import sqlalchemy as sa
from alembic import op

revision = "v0004_check_titles"
down_revision = "v0003_add_release"


def upgrade() -> None:
    """Check titles."""
    with op.batch_alter_table("links") as batch_op:
        batch_op.add_column(sa.Column("subtitle", sa.Text(), nullable=True))
        batch_op.create_check_constraint("ck_links_title", sa.text("title = ''"))
'''


def releases(service: Path) -> Mapping[str, Mapping[str, str]]:
    """The files of each release after the first one, by their paths in the image."""
    tables, port = (service / TABLES).read_text("utf-8"), (service / PORT).read_text("utf-8")
    assert tables.count(f"{LAST_COLUMN})\n") == port.count(LAST_FIELD) == 1
    expanded = {
        f"{PACKAGE}/api/links/tables.py": tables.replace(LAST_COLUMN, f'{LAST_COLUMN}    Column("release", Text),\n'),
        f"{PACKAGE}/api/links/port.py": port.replace(LAST_FIELD, f'{LAST_FIELD}    release: str | None = "expanded"\n'),
        f"{PACKAGE}/migrations/v0003_add_release.py": EXPANDING,
    }
    return {
        "expanded": expanded,
        "impossible": {**expanded, f"{PACKAGE}/migrations/v0004_check_titles.py": IMPOSSIBLE},
    }


class Database:
    """The database that the releases share."""

    def __init__(self, host: Host, url: str) -> None:
        """It runs."""
        self.host = host
        self.url = url

    def rows(self, statement: str) -> list[str]:
        """The rows of a statement, one line each."""
        silent = ("-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-c", statement)
        return run(self.host.in_network("psql", self.url, *silent), os.environ).splitlines()

    @property
    def revision(self) -> str:
        """What the schema is at."""
        (revision,) = self.rows("SELECT version_num FROM alembic_version")
        return revision


@contextmanager
def running_database(host: Host) -> Iterator[Database]:
    """Run a server in the host's network, with an empty database."""
    environment = {**os.environ, "PYTHONPATH": str(TESTING)}
    command = host.in_network(sys.executable, "-c", SERVER)
    with subprocess.Popen(
        command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        url = process.stdout.readline().strip()
        assert url, "the server did not start"
        yield Database(host, url)
        # It ends with its standard input, in any case.
