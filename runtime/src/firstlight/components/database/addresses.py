"""Addresses of databases: the URLs that operators write, and the URLs that SQLAlchemy gets."""

import re
from ipaddress import ip_address

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

POSTGRESQL, SQLITE = "postgresql", "sqlite"
DRIVERS = {POSTGRESQL: "asyncpg", SQLITE: "aiosqlite"}
DEFAULT = "sqlite:///database.sqlite3"
MUST = "must be postgresql://user:password@host:5432/name or sqlite:///path"
_HOST = re.compile(r"[\w.:%-]*")  # a name, or an address with its zone
_LAST_PORT = 65_535


class AddressError(ValueError):
    """A URL that cannot be used. The text says what it must be, and has no part of the URL that may be secret."""


def parse(text: str, wanted: str = "") -> URL:
    """The URL with the driver that we use. Raises `AddressError`, also for another system than `wanted`."""
    try:
        url = make_url(text.strip())
    except (ArgumentError, ValueError):
        raise AddressError(MUST) from None
    system, _, driver = url.drivername.lower().partition("+")
    system = POSTGRESQL if system == "postgres" else system
    if system not in DRIVERS or driver not in {"", DRIVERS[system]}:
        raise AddressError(MUST)
    if not url.database or url.database == ":memory:" or (system == POSTGRESQL and not (url.host or url.query)):
        raise AddressError(MUST)
    if wanted not in {"", system}:
        msg = f"must be of {wanted}, as at the start"
        raise AddressError(msg)
    if unknown := sorted(set(url.query) - {"host"}):
        msg = f"must have no option {unknown[0]}; DATABASE_TLS, DATABASE_CONNECT_SECONDS and others are variables"
        raise AddressError(msg)
    _verify_parts(url, text.strip())
    return url.set(drivername=f"{system}+{DRIVERS[system]}")


def _verify_parts(url: URL, text: str) -> None:
    """Raise `AddressError` for parts that no server has: usually signs of a password that are not written as `%..`."""
    if not text.isprintable() or not (url.database or "").isprintable():
        msg = "must be one URL in one line, without control characters"
        raise AddressError(msg)
    if not _HOST.fullmatch(url.host or "") or "%2f" in (url.host or "").lower():
        msg = (
            "must have a host between @ and the port; write @ / : % of a user or a password as %40 %2F %3A %25, "
            "and the folder of a Unix socket behind the name, as ?host=/run/postgresql"
        )
        raise AddressError(msg)
    if url.port is not None and not 1 <= url.port <= _LAST_PORT:
        msg = f"must have a port between 1 and {_LAST_PORT}"
        raise AddressError(msg)


def is_local(url: URL) -> bool:
    """Whether the server is this machine: a file, a Unix socket, or a loopback address."""
    given = url.query.get("host", url.host or "")
    return all(map(_is_of_this_machine, [given] if isinstance(given, str) else given))


def _is_of_this_machine(host: str) -> bool:
    """`host` may have a port behind it where it is an option of the URL."""
    if not host or host.startswith("/") or host.partition(":")[0].lower() == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def system_of(url: URL) -> str:
    """`postgresql` or `sqlite`, as in `db.system.name`."""
    return url.get_backend_name()
