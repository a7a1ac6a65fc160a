"""A replica of a running server, by PostgreSQL's own streaming replication."""

from pathlib import Path

from .programs import run
from .server import PostgresqlServer


class PostgresqlReplica(PostgresqlServer):
    """Follows `primary`, and answers reads. Used as a `PostgresqlServer` is."""

    def __init__(self, primary: PostgresqlServer, **options: str | int | Path) -> None:
        """Copy the data of `primary`, which must run. `options` are settings of this server.

        A replica must allow at least as many connections as its primary. Raises `RuntimeError` when the copy fails.
        """
        self._primary = primary
        super().__init__(password=None, **{"wal_retrieve_retry_interval": "100ms", **options})

    def cut(self) -> None:
        """Receive no more from the primary, and keep answering."""
        self._receive_from("")

    def connect(self) -> None:
        """Receive from the primary again."""
        self._receive_from(f"host={self._primary.folder} port={self._primary.port} user=postgres")

    def url(self, database: str = "postgres") -> str:
        """The URL of a database, with the password of the primary."""
        return self._primary.url(database).replace(f":{self._primary.port}/", f":{self.port}/")

    def _create_data(self) -> None:
        address = ["-h", str(self._primary.folder), "-p", str(self._primary.port), "-U", "postgres"]
        how = ["--write-recovery-conf", "--checkpoint=fast", "--no-sync"]
        run([self._programs / "pg_basebackup", "-D", self._folder.data, *address, *how], self._folder.account)

    def _receive_from(self, primary: str) -> None:
        self.sql(f"ALTER SYSTEM SET primary_conninfo = '{primary}'")
        self.sql("SELECT pg_reload_conf()")
