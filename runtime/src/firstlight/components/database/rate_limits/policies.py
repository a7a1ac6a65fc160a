"""A limit with its algorithm, and its state as the table has it."""

import json
from hashlib import blake2b
from typing import Any, NamedTuple

from ....rate_limits import Limit
from ....rate_limits.algorithms import rule
from ....rate_limits.limit import NANOSECONDS_OF_A_SECOND
from .tables import HASH_BYTES


class Kept(NamedTuple):
    """A state, and the moment in nanoseconds at which it was kept."""

    seen: int
    state: Any


class Policy:
    """One limit."""

    def __init__(self, limit: Limit) -> None:
        """States belong to the numbers of the limit: with others, all counters begin again."""
        algorithm = rule(limit)
        self.name = limit.name
        self.decide = algorithm.decide
        self.lifetime = algorithm.lifetime
        self.seconds = algorithm.lifetime / NANOSECONDS_OF_A_SECOND
        numbers = (limit.name, limit.algorithm, limit.limit, limit.period, limit.capacity)
        self._hash = blake2b(json.dumps(numbers).encode(), digest_size=HASH_BYTES)

    def key_of(self, key: str) -> str:
        """The key of the row."""
        hashed = self._hash.copy()
        hashed.update(key.encode("utf-8", "surrogatepass"))
        return hashed.hexdigest()

    def current(self, kept: Kept | None, now: int) -> Kept | None:
        """The state, or None if it is from a time that the clock will not reach soon: it was set back."""
        return None if kept is None or kept.seen > now + self.lifetime else kept


def parse(text: str) -> Kept | None:
    """The state from the table. A new row has none."""
    return Kept(*json.loads(text)) if text else None
