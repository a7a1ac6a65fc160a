"""The Redis server of the service: its pool, one limit for each call, a circuit breaker and metrics."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from redis.asyncio import Redis
from redis.exceptions import RedisError

from ...breaker import Breaker, BreakerOpenError, BreakerPolicy
from ...context import UNOBSERVED
from .addresses import Address
from .connections import AddressedConnection
from .destination import Destination
from .failures import OPEN, FailureLog, RedisUnavailableError, is_failure, label_of
from .metrics import CALLS
from .piped import Piped
from .pool import WaitingPool
from .settings import CacheSettings
from .spans import CallSpans

ResultT = TypeVar("ResultT")
POLICY = BreakerPolicy(window_seconds=10, minimum_calls=5, open_seconds=1.0)


class RedisServer:
    """`CACHE.of(request).redis`, where the service has a URL. Components keep their own keys there."""

    def __init__(self, settings: CacheSettings, address: Address, application: str, environment: str) -> None:
        """Connect at the first use. `application` and `environment` begin every key.

        Raises `SettingsError` if a file of the settings cannot be used.
        """
        self.destination = Destination(settings, address)
        self.pool = WaitingPool(
            settings.redis_pool_size,
            connection_class=AddressedConnection,
            destination=self.destination,
            client_name=_name(application),
            protocol=2,
        )
        self.client: Redis = Redis(connection_pool=self.pool)
        """redis-py's client. Its calls have no limit and no metrics; `call` gives them both."""
        self.piped = Piped(self.pool.make_connection, settings.redis_call_seconds)
        """For reads and counters. Its calls have no limit and no metrics either."""
        self.seconds = settings.redis_call_seconds
        self.prefix = f"{application}:{environment}:"
        self._breaker = Breaker("redis", POLICY, component="cache", is_failure=is_failure)
        self._log, self._spans = FailureLog(), CallSpans(self.destination)

    def key(self, *parts: str) -> str:
        """The name of a key: `<service>:<environment>:<part>:<part>`."""
        return self.prefix + ":".join(parts)

    async def call(
        self, operation: str, work: Callable[[], Awaitable[ResultT]], *, seconds: float | None = None
    ) -> ResultT:
        """The result of `work`, which calls `client` or `piped`, within `REDIS_CALL_SECONDS` or `seconds`.

        `operation` is a label: a constant. Raises `RedisUnavailableError` (503) for whatever the server or the way to
        it has failed with, after the failure was counted and logged.
        """
        began = time.perf_counter()
        outcome, failure = "", None
        try:
            return await self._breaker.call(lambda: _limited(work, seconds or self.seconds))
        except (RedisError, OSError, BreakerOpenError) as error:  # `TimeoutError` is an `OSError`
            outcome, failure = label_of(error), error
            if not isinstance(error, BreakerOpenError):
                self._log.write(operation, error)
            raise RedisUnavailableError(outcome) from error
        except asyncio.CancelledError:
            outcome = "cancelled"
            raise
        finally:
            if not UNOBSERVED.get():
                seconds = time.perf_counter() - began
                CALLS.labels(operation, outcome).observe(seconds)
                if outcome != OPEN:  # nothing was sent
                    self._spans.ended(operation, seconds, failure)

    async def renew(self) -> None:
        """Use the address of now."""
        self.piped.renew()
        await self.pool.renew()

    async def close(self) -> None:
        """Close all connections."""
        await self.piped.close()
        await self.client.aclose()
        await self.pool.disconnect()


async def _limited(work: Callable[[], Awaitable[ResultT]], seconds: float) -> ResultT:
    async with asyncio.timeout(seconds):
        return await work()


def _name(application: str) -> str:
    """The name that the server shows for the connections. It refuses spaces and line ends."""
    return "".join(c for c in application if "!" <= c <= "~") or "service"
