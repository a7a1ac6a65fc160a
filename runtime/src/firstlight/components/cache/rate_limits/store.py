"""Rate limits in Redis: one call for all requests of this process that wait."""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ....rate_limits import Claim, Limit, Standing
from ..gathered import Gathered, Limits
from ..redis_place import RedisPlace, RedisUnavailableError, limited
from .policies import NANOSECONDS, Policy
from .script import TAKE

TAKE_SECONDS = 0.25  # for a request that waits for its standings
REST_SECONDS = 1.0  # without a question after a failure: not every request waits for a server that is down


class RedisStore:
    """A store that all instances share. `take` raises within a quarter of a second when Redis does not answer."""

    def __init__(
        self, place: RedisPlace, limits: Sequence[Limit], *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """`clock` returns seconds."""
        prefix = f"{place.prefix}:rate_limits:v1"
        self._policies: Mapping[str, Policy] = {limit.name: Policy(limit, prefix) for limit in limits}
        self._script = place.client.register_script(TAKE)
        self._gathered = Gathered[Sequence[Claim], list[Standing]](self._take, Limits(seconds=TAKE_SECONDS))
        self._clock = clock
        self._rests_until = 0.0

    async def take(self, claims: Sequence[Claim]) -> list[Standing]:
        """Take the cost of each claim, or nothing if one limit refuses.

        Raises `RedisUnavailableError` at a failure and for a moment after it, `CrowdedError` and `TimeoutError`.
        """
        if self._clock() < self._rests_until:
            msg = "Redis has just failed, and is not asked."
            raise RedisUnavailableError(msg)
        return await self._gathered.ask(claims)

    async def _take(self, requests: Sequence[Sequence[Claim]]) -> Sequence[list[Standing]]:
        places: dict[str, int] = {}
        asked = [[self._asked(claim, places) for claim in claims] for claims in requests]
        try:
            async with limited(TAKE_SECONDS):
                found: Any = await self._script(list(places), [json.dumps(asked)])
        except RedisUnavailableError:
            self._rests_until = self._clock() + REST_SECONDS
            raise
        standings = iter([(wait * NANOSECONDS, left, reset * NANOSECONDS) for wait, left, reset in found])
        return [[next(standings) for _ in claims] for claims in requests]

    def _asked(self, claim: Claim, places: dict[str, int]) -> Sequence[Any]:
        """A claim as the script takes it. `places` are those of the keys, from 1."""
        limit, key, cost = claim
        policy = self._policies[limit.name]
        return [places.setdefault(policy.key_of(key), len(places) + 1), cost, *policy.numbers]
