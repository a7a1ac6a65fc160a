"""Failures of the database: which of them clients should meet as 503, and which are worth another attempt."""

import sqlite3
from collections.abc import Iterator

from sqlalchemy import exc

from ...error_type import error_type
from ...logs.redaction import redact_text
from ...problems import InvalidError, UnavailableError
from ...summary import summary
from . import tls

DEADLOCK, SERIALIZATION_FAILURE = "deadlock", "serialization_failure"
QUERY_CANCELED = "57014"  # by the limit of the statement: it would take as long on another server
RETRIED = {"40P01": DEADLOCK, "40001": SERIALIZATION_FAILURE}
# Classes of SQLSTATE (PostgreSQL, appendix A): connection, authorization, transaction rollback, resources, operator
# intervention, system; and single codes: no such database, read-only transaction, lock not available.
_CLASSES = ("08", "28", "40", "53", "57", "58")
READ_ONLY = "25006"
_CODES = frozenset({"3D000", READ_ONLY, "55P03"})
_UNSTORABLE = frozenset({"22021", "22P05"})  # a NUL character in a text, or in JSON; SQLite stores it
# Primary result codes of SQLite.
_SQLITE = ("BUSY", "CANTOPEN", "CORRUPT", "FULL", "IOERR", "LOCKED", "NOTADB", "PERM", "READONLY")
_DEPTH = 10  # of a chain; a longer one is a circle


class DatabaseUnavailableError(UnavailableError):
    """The database cannot do this now: no connection, a timeout, or a server that refuses. Status 503."""


def chain(error: BaseException) -> Iterator[BaseException]:
    """The error and its causes, as SQLAlchemy and its adapters wrap them."""
    found: BaseException | None = error
    for _ in range(_DEPTH):
        if found is None:
            return
        yield found
        found = getattr(found, "orig", None) or found.__cause__ or found.__context__


def sqlstate(error: BaseException) -> str:
    """The SQLSTATE of PostgreSQL, or nothing."""
    return next((state for each in chain(error) if isinstance(state := getattr(each, "sqlstate", None), str)), "")


def kind_of(error: BaseException) -> str:
    """`error.type` of the semantic conventions: SQLSTATE, the name of SQLite's code, or the class."""
    if state := sqlstate(error):
        return state
    for each in chain(error):
        if isinstance(each, sqlite3.Error) and (name := getattr(each, "sqlite_errorname", None)):
            return str(name)
    inner = error.orig if isinstance(error, exc.DBAPIError) and error.orig is not None else error
    return error_type(inner)


def reason(error: BaseException) -> str:
    """Why, for operators: a sentence about TLS, or the text of the first cause."""
    causes = list(chain(error))
    return next((said for each in causes if (said := tls.reason(each))), "") or redact_text(summary(causes[-1]))


def retry_reason(error: BaseException) -> str | None:
    """Why the same transaction may succeed at the next attempt, or None."""
    return RETRIED.get(sqlstate(error))


def is_lost(error: BaseException) -> bool:
    """Whether the connection, or the server behind it, is gone."""
    if isinstance(error, exc.DBAPIError) and error.connection_invalidated:
        return True
    state = sqlstate(error)
    if state:
        return state.startswith(("08", "57P"))
    return any(isinstance(each, OSError) or _says_closed(each) for each in chain(error))


def is_stale(error: BaseException) -> bool:
    """Whether other connections of the pool may be useless as well: they are lost, or of a server that only reads now.

    A session stays read-only when its server, or another one at its address, writes again.
    """
    return is_lost(error) or sqlstate(error) == READ_ONLY


def _says_closed(error: BaseException) -> bool:
    """Whether asyncpg says that its connection cannot be used. By name: with SQLite, asyncpg is not imported."""
    if not type(error).__module__.startswith("asyncpg."):
        return False
    return "closed" in str(error) or type(error).__name__ in {"InternalClientError", "ProtocolError"}


def is_unavailable(error: BaseException) -> bool:
    """Whether the database, and not the statement, is the cause: the client may try again later."""
    if isinstance(error, exc.TimeoutError) or is_lost(error):
        return True
    state = sqlstate(error)
    if state:
        return state.startswith(_CLASSES) or state in _CODES
    names = [getattr(each, "sqlite_errorname", "") for each in chain(error) if isinstance(each, sqlite3.Error)]
    return any(name.removeprefix("SQLITE_").startswith(_SQLITE) for name in names)


def translated(error: Exception) -> Exception:
    """What the caller gets: `DatabaseUnavailableError` where the database is the cause, else the same error.

    `InvalidError` (422) for a text that no PostgreSQL stores: clients send it, and no code needs mending.
    """
    if sqlstate(error) in _UNSTORABLE:
        return InvalidError("A text of this request has a character that cannot be stored, such as NUL.")
    if isinstance(error, DatabaseUnavailableError) or not is_unavailable(error):
        return error
    if isinstance(error, exc.TimeoutError):
        return DatabaseUnavailableError("The service has no free connection to its database.")
    return unavailable()


def unavailable() -> DatabaseUnavailableError:
    """The error without a reason, which concerns the operators and not the client."""
    return DatabaseUnavailableError("The database of this service cannot be reached, or refuses to work.")
