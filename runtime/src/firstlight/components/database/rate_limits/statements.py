"""The statements about states. Each takes all rows of a step as JSON, so that its text is always the same."""

from typing import NamedTuple

from sqlalchemy import TextClause, delete, select, text

from ..addresses import POSTGRESQL
from ..expired import BATCH
from ..now import Now
from .tables import STATES


class Texts(NamedTuple):
    """The statements in one dialect.

    `lock` locks the rows of `[[key, policy], ...]` until the end of the transaction, in this order, and creates those
    that are missing. It returns key, state and the time in microseconds, read when the row was locked. `keep` writes
    `[[key, state, seconds], ...]`; the row expires after so many seconds.
    """

    lock: TextClause
    keep: TextClause


_ON_POSTGRESQL = Texts(
    text("""
INSERT INTO rate_limit_states (key, policy, state, expires)
SELECT r ->> 0, r ->> 1, '', 0 FROM jsonb_array_elements(CAST(:rows AS jsonb)) AS r
ON CONFLICT (key) DO UPDATE SET policy = excluded.policy
RETURNING key, state, CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS bigint)
"""),
    text("""
UPDATE rate_limit_states SET state = r ->> 1, expires = extract(epoch FROM clock_timestamp()) + CAST(r ->> 2 AS float)
FROM jsonb_array_elements(CAST(:rows AS jsonb)) AS r WHERE key = r ->> 0
"""),
)
_ON_SQLITE = Texts(
    text("""
INSERT INTO rate_limit_states (key, policy, state, expires)
SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]'), '', 0 FROM json_each(:rows) WHERE true
ON CONFLICT (key) DO UPDATE SET policy = excluded.policy
RETURNING key, state, CAST((julianday('now') - 2440587.5) * 86400000000 AS integer)
"""),
    text("""
INSERT INTO rate_limit_states (key, policy, state, expires)
SELECT json_extract(value, '$[0]'), '', json_extract(value, '$[1]'),
    (julianday('now') - 2440587.5) * 86400 + json_extract(value, '$[2]')
FROM json_each(:rows) WHERE true
ON CONFLICT (key) DO UPDATE SET state = excluded.state, expires = excluded.expires
"""),
)

REMOVE_EXPIRED = delete(STATES).where(
    STATES.c.key.in_(
        select(STATES.c.key).where(STATES.c.expires <= Now()).limit(BATCH).with_for_update(skip_locked=True)
    )
)


def of(dialect: str) -> Texts:
    """The statements in a dialect."""
    return _ON_POSTGRESQL if dialect == POSTGRESQL else _ON_SQLITE
