"""Idempotency keys in the database, for all instances, in the transaction of the handler.

    components=[DATABASE, IDEMPOTENCY, orders.ORDERS]

The table belongs to the service: `idempotency_table(METADATA)` in its `tables.py`, and a migration that creates it.

A handler that honours keys runs in one transaction, and its own `database.transaction()` is a savepoint in it. What it
writes is committed together with its response, before the response is sent. A process or a server that is killed leaves
both or neither: a repeated request gets the first response, or runs as the first one.
"""

from .component import IDEMPOTENCY
from .store import DatabaseStore
from .tables import idempotency_table

__all__ = ["IDEMPOTENCY", "DatabaseStore", "idempotency_table"]
