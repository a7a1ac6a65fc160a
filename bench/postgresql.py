"""The database under test: a throw-away PostgreSQL on the core of the load, with the tables of the emitted service."""

import time
from pathlib import Path

from .processes import FailedError, Process

START_SECONDS = 30.0
MIGRATE_SECONDS = 60.0
POLL_SECONDS = 0.01


class Postgresql(Process):
    """A server with one database, until the end of the block."""

    def __init__(self, python: Path, core: int) -> None:
        """Start it with an interpreter that has the service, and create the tables."""
        super().__init__([str(python), "-m", "bench.postgresql_server"], core)
        try:
            words = self._first_line().split()
            self.version, self.url = " ".join(words[:2]), words[2]
            self._migrate(python, core)
        except BaseException:
            self.close()
            raise

    def _first_line(self) -> str:
        while b"\n" not in self.output:
            if self.status is not None or time.perf_counter() - self.started > START_SECONDS:
                reason = "did not start"
                raise self.failure(reason)
            time.sleep(POLL_SECONDS)
        return self.output.decode()

    def _migrate(self, python: Path, core: int) -> None:
        command = [str(python), "-m", "acme_links", "migrate"]
        with Process(command, core, {"DATABASE_URL": self.url}) as migration:
            if migration.wait(MIGRATE_SECONDS) != 0:
                msg = f"the migrations failed: {migration.output.decode()}"
                raise FailedError(msg)
