"""The statements about idempotency keys. Each is compiled once for each dialect."""

from typing import Any

from sqlalchemy import BigInteger, Executable, Select, bindparam, delete, func, null, select, true, tuple_, update
from sqlalchemy.dialects import postgresql, sqlite

from ..addresses import POSTGRESQL
from ..expired import BATCH
from ..now import Now
from .tables import KEYS

_VALUES = ("caller", "key", "fingerprint", "size")
_C = KEYS.c
_OWN = (_C.caller == bindparam("of_caller"), _C.key == bindparam("of_key"))


def _row(condition: Any) -> Select[Any]:
    given = [bindparam(name, type_=_C[name].type) for name in _VALUES]
    return select(*given, Now() + bindparam("seconds", type_=_C.expires.type)).where(condition)


def _reserve(insert: Any, condition: Any) -> Any:
    """Insert a row, or take over one that has expired. No row returns if there is another, or if it is locked.

    The row is made by a select, so PostgreSQL tries the lock before it looks for the other row. It sees the newest one
    then, also one that was committed after the statement began.
    """
    inserted = insert(KEYS).from_select([*_VALUES, "expires"], _row(condition))
    replaced = {name: inserted.excluded[name] for name in ("fingerprint", "size", "expires")}
    return inserted.on_conflict_do_update(
        index_elements=[_C.caller, _C.key],
        set_={**replaced, "status": null(), "headers": null(), "body": null()},
        where=_C.expires <= Now(),
    ).returning(_C.size)


# A transaction that inserts waits for another one that has inserted the same key; the lock says at once that there is
# one. It ends with its transaction, also when the process is killed.
_LOCKED = func.pg_try_advisory_xact_lock(bindparam("lock", type_=BigInteger()))
_RESERVE_ON_POSTGRESQL = _reserve(postgresql.insert, _LOCKED)
_RESERVE_ON_SQLITE = _reserve(sqlite.insert, true())  # its transactions wait for each other anyway


def reserve(dialect: str) -> Executable:
    """The statement that reserves a key. It returns one row if it did."""
    statement: Executable = _RESERVE_ON_POSTGRESQL if dialect == POSTGRESQL else _RESERVE_ON_SQLITE
    return statement


FIND = select(_C.fingerprint, _C.status, _C.headers, _C.body).where(*_OWN, _C.expires > Now())

COMPLETE = (
    update(KEYS)
    .where(*_OWN)
    .values(
        status=bindparam("new_status"),
        headers=bindparam("new_headers"),
        body=bindparam("new_body"),
        size=_C.size + bindparam("added"),
        expires=Now() + bindparam("seconds"),
    )
)

EXPIRED = delete(KEYS).where(
    tuple_(_C.caller, _C.key).in_(
        select(_C.caller, _C.key)
        .where(_C.expires <= Now())
        .order_by(_C.expires)
        .limit(BATCH)
        .with_for_update(skip_locked=True)
    )
)

_MEASURES = (func.count(), func.coalesce(func.sum(_C.size), 0), func.coalesce(func.min(_C.expires) - Now(), 0.0))
TOTAL = select(*_MEASURES)
FULL_CALLERS = (
    select(_C.caller, _MEASURES[2].label("seconds"))
    .group_by(_C.caller)
    .having((func.count() >= bindparam("keys")) | (func.sum(_C.size) >= bindparam("bytes")))
)
