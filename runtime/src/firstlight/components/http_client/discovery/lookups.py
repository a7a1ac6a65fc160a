"""Keeps the instances of a dependency up to date, beside the calls. A call waits only while nothing is known yet."""

import asyncio
import random
import time
from collections.abc import Callable

import structlog

from ....logs.redaction import redact_text
from .instance import DiscoveryError, Found, Resolver
from .members import Members
from .metrics import AGE, LOOKUPS, OUTCOMES

log = structlog.get_logger()

FIRST_RETRY_SECONDS, LONGEST_RETRY_SECONDS = 0.5, 5.0
MAX_REASON = 200  # characters


class Lookups:
    """The lookups of one dependency. After a failed one, what was known before stays in use, for a limited time."""

    def __init__(
        self,
        dependency: str,
        resolver: Resolver,
        members: Members,
        stale_seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`stale_seconds` limits the age of what is used. `clock` returns seconds."""
        self._dependency = dependency
        self._resolver = resolver
        self._members = members
        self._stale_seconds = stale_seconds
        self._clock = clock
        self._looked = asyncio.Event()
        self._began = clock()
        self._as_of: float | None = None
        self._failing = False
        self._retry = FIRST_RETRY_SECONDS
        self.reason = "no instance is known"
        """Why there is no instance, if there is none."""
        AGE.labels(dependency).set(0)
        for outcome in OUTCOMES:
            LOOKUPS.labels(dependency, outcome)

    async def run(self) -> None:
        """Look up until cancelled."""
        while True:  # noqa: ASYNC110 - only asking tells
            await asyncio.sleep(await self.look())

    async def known(self) -> None:
        """Wait for the end of the first lookup, whatever it is."""
        if not self._looked.is_set():
            await self._looked.wait()

    async def look(self) -> float:
        """Look up once. Seconds until the next time."""
        try:
            async with asyncio.timeout(self._resolver.timeout_seconds):
                found = await self._resolver.resolve()
        except Exception as error:  # noqa: BLE001 - the lookups must go on
            return self._failed(error)
        finally:
            self._looked.set()
        return self._learned(found)

    def _learned(self, found: Found) -> float:
        LOOKUPS.labels(self._dependency, "ok").inc()
        AGE.labels(self._dependency).set(found.age_seconds)
        self._members.replace(found.instances)
        self.reason = "no instance is known: the last lookup found none"
        if self._failing:
            stale = 0.0 if self._as_of is None else round(self._clock() - self._as_of, 3)
            log.info("http_client.lookup_recovered", dependency=self._dependency, stale_seconds=stale)
        self._as_of, self._failing, self._retry = self._clock() - found.age_seconds, False, FIRST_RETRY_SECONDS
        return found.seconds

    def _failed(self, error: Exception) -> float:
        LOOKUPS.labels(self._dependency, "failed").inc()
        known = isinstance(error, DiscoveryError | OSError)  # a timeout is an OSError
        reason = redact_text(str(error) or ("no answer in time" if known else type(error).__name__))[:MAX_REASON]
        if not self._failing:
            self._failing = True
            log.warning(
                "http_client.lookup_failed",
                dependency=self._dependency,
                reason=reason,
                error_type=type(error).__name__,
                known=len(self._members),
            )
        if not len(self._members):
            self.reason = f"no instance is known: {reason}"
        self._forget_old()
        pause, self._retry = self._retry, min(2 * self._retry, LONGEST_RETRY_SECONDS)
        return pause * random.uniform(0.5, 1.0)  # noqa: S311 - spreads the lookups of many processes

    def _forget_old(self) -> None:
        """Without any answer yet, the age is that of this process: the alert must not end with a restart."""
        age = self._clock() - (self._began if self._as_of is None else self._as_of)
        AGE.labels(self._dependency).set(age)
        if len(self._members) and age > self._stale_seconds:
            self.reason = f"no instance is known: the last answer is older than {self._stale_seconds:g} s"
            log.error("http_client.instances_forgotten", dependency=self._dependency, age_seconds=round(age, 3))
            self._members.replace(())
