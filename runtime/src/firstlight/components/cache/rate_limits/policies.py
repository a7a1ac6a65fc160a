"""A limit in the numbers of the script, and the keys of its states."""

import json
from hashlib import blake2b
from typing import Any

from ....rate_limits import Limit
from ....rate_limits.algorithms import SLOTS
from ....rate_limits.limit import BUCKETS

NANOSECONDS_OF_A_MICROSECOND = 1000  # of a microsecond, the unit of the server's clock
STATE_HASH_BYTES = 16
BUCKET, FIXED_WINDOW, SLIDING_WINDOW = "bucket", "fixed", "sliding"


class Policy:
    """One limit. States belong to its numbers: with others, all counters begin again."""

    def __init__(self, limit: Limit, prefix: str) -> None:
        """Keys begin with `prefix`."""
        numbers = (limit.name, limit.algorithm, limit.limit, limit.period, limit.capacity)
        self._hash = blake2b(json.dumps(numbers).encode(), digest_size=STATE_HASH_BYTES)
        self._prefix = prefix
        self.numbers = json.dumps(_numbers(limit))[1:-1]
        """Algorithm, two numbers of it, and how long a state that is not used has a meaning; times in microseconds."""

    def key_of(self, key: str) -> str:
        """The key of the state. It tells nobody's address."""
        hashed = self._hash.copy()
        hashed.update(key.encode("utf-8", "surrogatepass"))
        return f"{self._prefix}:{hashed.hexdigest()}"


def _numbers(limit: Limit) -> tuple[Any, ...]:
    if limit.algorithm in BUCKETS:
        # Rounded up, as in the process: never more requests than the limit says.
        interval = -(-limit.period // limit.limit) / NANOSECONDS_OF_A_MICROSECOND
        return BUCKET, interval, limit.capacity, interval * limit.capacity
    period = limit.period // NANOSECONDS_OF_A_MICROSECOND
    if limit.algorithm == "fixed_window":
        return FIXED_WINDOW, period, limit.limit, period
    slot = -(-period // SLOTS)
    return SLIDING_WINDOW, slot, limit.limit, slot * (SLOTS + 1)
