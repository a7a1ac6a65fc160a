"""Addresses of databases: the URLs that operators write, and the URLs that SQLAlchemy gets."""

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from ...data_servers import is_of_this_machine

POSTGRESQL, SQLITE = "postgresql", "sqlite"
DRIVERS = {POSTGRESQL: "asyncpg", SQLITE: "aiosqlite"}
DEFAULT = "sqlite:///database.sqlite3"
MUST = "must be postgresql://user:password@host:5432/name or sqlite:///path"


def parse(text: str) -> URL:
    """The URL with the driver that we use. Raises `ValueError`, whose text does not contain the password."""
    try:
        url = make_url(text.strip())
    except (ArgumentError, ValueError):
        raise ValueError(MUST) from None
    system, _, driver = url.drivername.partition("+")
    system = POSTGRESQL if system == "postgres" else system
    if system not in DRIVERS or driver not in {"", DRIVERS[system]}:
        raise ValueError(MUST)
    if not url.database or url.database == ":memory:" or (system == POSTGRESQL and not (url.host or url.query)):
        raise ValueError(MUST)
    if unknown := sorted(set(url.query) - {"host"}):
        msg = f"must have no option {unknown[0]}; DATABASE_TLS, DATABASE_CONNECT_SECONDS and others are variables"
        raise ValueError(msg)
    return url.set(drivername=f"{system}+{DRIVERS[system]}")


def is_local(url: URL) -> bool:
    """Whether the server is this machine: a file, a Unix socket, or a loopback address."""
    given = url.query.get("host", url.host or "")
    return all(map(is_of_this_machine, [given] if isinstance(given, str) else given))


def system_of(url: URL) -> str:
    """`postgresql` or `sqlite`, as in `db.system.name`."""
    return url.get_backend_name()
