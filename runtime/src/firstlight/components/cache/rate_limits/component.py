"""The component: limits whose states are in Redis."""

from collections.abc import Sequence

from ....component import Component, NoSettings, Surroundings
from ....rate_limits import Limit, MemoryStore, Store
from ....rate_limits import rate_limits as with_store
from ....rate_limits.headers import Headers
from ....rate_limits.limiter import Limiter
from ..redis_place import redis_of
from .store import RedisStore


def open_store(surroundings: Surroundings[NoSettings], limits: Sequence[Limit]) -> Store:
    """The states in the Redis of the service; without one, in the memory of this process."""
    server = redis_of(surroundings)
    return MemoryStore(limits) if server is None else RedisStore(server, limits)


def rate_limits(*limits: Limit, headers: Headers = "x-ratelimit") -> Component[NoSettings, Limiter | None]:
    """The component `rate_limits` of `firstlight.rate_limits`, with one counter for all instances.

    Raises `ArrangementError` for limits that do not fit together.
    """
    return with_store(*limits, store=open_store, requires=("cache",), headers=headers)
