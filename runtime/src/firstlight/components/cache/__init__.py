"""The cache: what was read is kept in memory and in Redis, and forgotten when it changes."""

from .failures import RedisUnavailableError
from .server import RedisServer
from .settings import CacheSettings

__all__ = ["CacheSettings", "RedisServer", "RedisUnavailableError"]
