"""The tables of this service: each feature declares its own in a module `tables` and adds them to `METADATA`.

After a change of a table, `make migration MESSAGE="add owner"` writes the migration.
"""

from firstlight.components.database.idempotency import idempotency_table
from firstlight.components.database.rate_limits import rate_limit_table
from sqlalchemy import MetaData

# Every constraint and index has a name, so that a migration can change it.
METADATA = MetaData(
    naming_convention={
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    }
)

# What all instances share: idempotency keys with their responses, and the states of rate limits.
idempotency_table(METADATA)
rate_limit_table(METADATA)
