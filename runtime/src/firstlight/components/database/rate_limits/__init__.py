"""Rate limits in the database: all instances together allow what a limit says.

    components=[DATABASE, rate_limits(*POLICIES), ...]

The table belongs to the service: `rate_limit_table(METADATA)` in its `tables.py`, and a migration that creates it. On
PostgreSQL the migration should add `ALTER TABLE rate_limit_states SET UNLOGGED`: the states are not worth a place in
the log of the server; after its crash the counters begin again.
"""

from ....rate_limits import Limit
from .component import rate_limits
from .store import DatabaseStore
from .tables import rate_limit_table

__all__ = ["DatabaseStore", "Limit", "rate_limit_table", "rate_limits"]
