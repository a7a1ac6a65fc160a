"""PostgreSQL's own clients, over the server's socket."""

import subprocess
from pathlib import Path

from .folder import Folder
from .programs import environment, run

SILENT = ("-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1")  # rows only, one a line, columns separated by `|`


class Client:
    """`psql` and `pg_isready` for one server."""

    def __init__(self, programs: Path, folder: Folder, port: int) -> None:
        """`programs` is the folder of the programs, `folder` that of the socket."""
        self._programs = programs
        self._account = folder.account
        self._address = ("-h", str(folder.path), "-p", str(port))

    def sql(self, statement: str, database: str) -> str:
        """Run a statement as superuser. Returns the rows. Raises `RuntimeError` with the server's message."""
        target = (*self._address, "-U", "postgres", "-d", database)
        return run([self._programs / "psql", *SILENT, *target, "-c", statement], self._account).strip()

    def ready(self) -> bool:
        """Whether the server accepts connections."""
        command = (self._programs / "pg_isready", "-q", *self._address)
        return subprocess.run(command, check=False, env=environment()).returncode == 0  # noqa: S603
