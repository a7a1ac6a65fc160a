"""Rate limits in Redis: one call for all requests of this process that wait."""

from collections.abc import Awaitable, Mapping, Sequence
from itertools import islice

from ....rate_limits import Claim, Limit, Standing
from ..gathered import BatchLimits, Gathered
from ..server import RedisServer
from .policies import NANOSECONDS_OF_A_MICROSECOND, Policy
from .script import TAKE

TAKE_SECONDS = 0.25  # for a request that waits for its standings
GROUP = "rate_limits"


class RedisStore:
    """A store that all instances share. `take` raises within a quarter of a second when Redis does not answer."""

    def __init__(self, server: RedisServer, limits: Sequence[Limit]) -> None:
        """The states of these limits on a server."""
        prefix = server.key(GROUP, "v1")
        self._policies: Mapping[str, Policy] = {limit.name: Policy(limit, prefix) for limit in limits}
        self._server = server
        self._script = server.client.register_script(TAKE)
        self._gathered = Gathered[Sequence[Claim], list[Standing]](self._take, BatchLimits(seconds=TAKE_SECONDS))

    def take(self, claims: Sequence[Claim]) -> Awaitable[list[Standing]]:
        """Take the cost of each claim, or nothing if one limit refuses.

        Raises `RedisUnavailableError`, at once while the circuit breaker is open, `CrowdedError` and `TimeoutError`.
        """
        return self._gathered.ask(claims)

    async def _take(self, requests: Sequence[Sequence[Claim]]) -> Sequence[list[Standing]]:
        places: dict[str, int] = {}
        asked = ",".join([f"[{','.join([self._asked(claim, places) for claim in claims])}]" for claims in requests])
        arguments = (f"[{asked}]",)
        found: bytes = await self._server.call(
            GROUP, lambda: self._server.piped.run(self._script, list(places), arguments)
        )
        numbers = map(int, found.split())
        standings = (
            (wait * NANOSECONDS_OF_A_MICROSECOND, left, reset * NANOSECONDS_OF_A_MICROSECOND)
            for wait, left, reset in zip(numbers, numbers, numbers, strict=True)
        )
        return [list(islice(standings, len(claims))) for claims in requests]

    def _asked(self, claim: Claim, places: dict[str, int]) -> str:
        """A claim in JSON, as the script takes it. `places` are those of the keys, from 1."""
        limit, key, cost = claim
        policy = self._policies[limit.name]
        return f"[{places.setdefault(policy.key_of(key), len(places) + 1)},{cost},{policy.numbers}]"
