"""Idempotency keys in Redis, for all instances.

    components=[CACHE, IDEMPOTENCY, orders.ORDERS]

Without `REDIS_URL` the keys are in the memory of the process. While Redis cannot be reached, requests with a key get
503: a handler that runs twice is worse than one that runs later. Requests without a key are not affected.

A response is stored after its handler has returned, so a process that is killed between both leaves the key reserved:
repeated requests get 409 for ten minutes, then the handler runs again. `firstlight.components.database.idempotency`
stores the response in the transaction of the handler, which leaves no such gap.
"""

from .component import IDEMPOTENCY
from .store import RedisStore

__all__ = ["IDEMPOTENCY", "RedisStore"]
