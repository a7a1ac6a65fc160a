"""A real PostgreSQL server for tests, in a temporary folder: started within two seconds, removed afterwards.

    with PostgresqlServer() as server:
        url = server.create_database("links")  # postgresql://postgres@127.0.0.1:40213/links

It uses the installed programs: those on `PATH`, else Debian's newest version.
"""

from .programs import MISSING, find
from .replica import PostgresqlReplica
from .server import PostgresqlServer

__all__ = ["MISSING", "PostgresqlReplica", "PostgresqlServer", "find"]
