"""The statements about queues in a database. Each is compiled once for each dialect."""

from hashlib import blake2b
from typing import Any

from sqlalchemy import BigInteger, Select, bindparam, delete, func, insert, null, select, update

from ...database.now import Now
from .tables import ENTRIES

_C = ENTRIES.c
_OF_QUEUE = _C.queue == bindparam("of_queue")
_WAITS = (_OF_QUEUE, _C.reason.is_(None))

PUT = insert(ENTRIES).from_select(
    ["queue", "writes", "number", "created", "reason"],
    select(
        *(bindparam(name, type_=_C[name].type) for name in ("queue", "writes", "number")),
        Now(),
        bindparam("reason", type_=_C.reason.type),
    ),
)
OLDEST = select(_C.id, _C.writes, _C.number).where(*_WAITS).order_by(_C.id).limit(bindparam("entries"))
REMOVE = delete(ENTRIES).where(_C.id.in_(bindparam("ids", expanding=True)))
REQUEUE = update(ENTRIES).where(_OF_QUEUE, _C.reason.is_not(None)).values(reason=null()).returning(_C.number)

# One instance flushes a queue at a time, so its writes take effect in their order. The lock ends with its transaction.
LOCK = select(func.pg_try_advisory_xact_lock(bindparam("lock", type_=BigInteger())))


def _sum(*condition: Any) -> Select[Any]:
    age = Now() - func.coalesce(func.min(_C.created), Now())
    return select(func.coalesce(func.sum(_C.number), 0), age).where(*condition)


WAITING = _sum(*_WAITS)
SET_ASIDE = _sum(_OF_QUEUE, _C.reason.is_not(None))


def lock_of(queue: str) -> int:
    """The number of the lock of a queue."""
    return int.from_bytes(blake2b(f"write_behind {queue}".encode(), digest_size=8).digest(), signed=True)
