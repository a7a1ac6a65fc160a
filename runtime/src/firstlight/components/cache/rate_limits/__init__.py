"""Rate limits in Redis: all instances together allow what a limit says.

    components=[CACHE, rate_limits(*POLICIES), ...]

Without `REDIS_URL` the counters are in the memory of the process, so each instance allows the whole limit. While Redis
cannot be reached, requests pass unchecked, or get 503 where a limit has `when_store_fails="refuse"`.
"""

from ....rate_limits import Limit
from .component import rate_limits
from .store import RedisStore

__all__ = ["Limit", "RedisStore", "rate_limits"]
