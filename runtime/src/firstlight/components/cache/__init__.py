"""The cache: what was read is kept in memory and in Redis, and forgotten when it changes."""

from .cached import Cached
from .caches import Caches
from .component import CACHE, cache
from .failures import RedisUnavailableError
from .server import RedisServer
from .settings import CacheSettings
from .warming import Warm

__all__ = ["CACHE", "CacheSettings", "Cached", "Caches", "RedisServer", "RedisUnavailableError", "Warm", "cache"]
