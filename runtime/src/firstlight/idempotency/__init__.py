"""Idempotency keys: a client repeats a request with the same `Idempotency-Key`, and its handler runs once.

List the component on the page of the service, and set `idempotent=True` on the operations that honour keys:

    components=[IDEMPOTENCY, orders.ORDERS]
    Operation(method="POST", path="/api/v1/orders", handler=create, body=NewOrder, idempotent=True)

A repeated request gets the stored response with `Idempotent-Replayed: true`; 409 while the first one runs; 422 if it
has another body, method or target. Keys belong to their caller. `IDEMPOTENCY` stores responses in the memory of the
process, for one instance. `firstlight.components.database.idempotency` stores them in the database, for all
instances, in the transaction of the handler; `idempotency(store=...)` takes any other store.
"""

from .component import IDEMPOTENCY, idempotency
from .key import HEADER, MAX_CHARACTERS, PATTERN
from .memory import Limits, MemoryStore
from .middleware import REPLAYED_HEADER
from .store import AnyStore, Completion, FullError, Name, Record, Records, Store, StoredResponse, TransactionalStore

__all__ = [
    "HEADER",
    "IDEMPOTENCY",
    "MAX_CHARACTERS",
    "PATTERN",
    "REPLAYED_HEADER",
    "AnyStore",
    "Completion",
    "FullError",
    "Limits",
    "MemoryStore",
    "Name",
    "Record",
    "Records",
    "Store",
    "StoredResponse",
    "TransactionalStore",
    "idempotency",
]
