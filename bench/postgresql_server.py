# mypy: disable-error-code="import-not-found"
"""A PostgreSQL server in a temporary folder, as a program: it writes version and URL, and ends when it is told to.

It runs in an environment with the service, which brings what starts the server.
"""

import signal
import sys

from firstlight.testing.postgresql import PostgresqlServer

DURABLE = {"fsync": "on", "full_page_writes": "on"}  # a commit is on the disk, as in production

if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with PostgresqlServer(**DURABLE) as server:
        version = server.sql("SHOW server_version").split()[0]
        sys.stdout.write(f"PostgreSQL {version} {server.create_database('bench')}\n")
        sys.stdout.flush()
        signal.pause()
