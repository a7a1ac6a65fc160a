"""The Redis server of a service, for the stores that keep their keys there."""

from typing import Any

from ...component import Surroundings
from .server import RedisServer


def redis_of(surroundings: Surroundings[Any]) -> RedisServer | None:
    """The server of the component cache, or None where the service has no URL of one, or no cache."""
    cache = surroundings.resources.get("cache")
    found: RedisServer | None = None if cache is None else cache.redis
    return found
