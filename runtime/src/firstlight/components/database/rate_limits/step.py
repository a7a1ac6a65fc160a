"""One transaction: locks the states of all claims, decides about the requests in their order, and keeps the states."""

import json
from collections.abc import Mapping, Sequence

from ....rate_limits import Claim, Standing
from ..servers import Server
from . import statements
from .policies import Kept, Policy, parse

NANOSECONDS = 1000  # of a microsecond, the unit of the server's clock


class States:
    """The states that are locked."""

    def __init__(self, rows: Sequence[tuple[str, str, int]]) -> None:
        """Each row has key, state and time in microseconds."""
        self._kept = {key: parse(state) for key, state, _ in rows}
        self._clock = NANOSECONDS * max((microseconds for *_, microseconds in rows), default=0)
        self.changed: dict[str, Policy] = {}

    def take(self, asked: Sequence[tuple[Policy, str, int]]) -> list[Standing]:
        """Take the cost of each claim, or nothing if one limit refuses."""
        found = [policy.current(self._kept[key], self._clock) for policy, key, _ in asked]
        now = max(
            [self._clock, *(kept.seen for kept in found if kept is not None)]
        )  # the time of a key never goes back
        standings, states = [], []
        for (policy, _, cost), kept in zip(asked, found, strict=True):
            state, standing = policy.decide(None if kept is None else kept.state, now, cost)
            standings.append(standing)
            states.append(state)
        if not any(wait for wait, *_ in standings):
            for (policy, key, _), state in zip(asked, states, strict=True):
                self._kept[key] = Kept(now, state)
                self.changed[key] = policy
        return standings

    @property
    def rows(self) -> list[tuple[str, str, float]]:
        """Key, state and lifetime in seconds of the states that have changed."""
        return [(key, json.dumps(self._kept[key]), policy.seconds) for key, policy in self.changed.items()]


async def take(
    server: Server, policies: Mapping[str, Policy], requests: Sequence[Sequence[Claim]]
) -> list[list[Standing]]:
    """The standings of several requests. Raises the errors of the driver."""
    asked = [
        [(policy := policies[limit.name], policy.key_of(key), cost) for limit, key, cost in claims]
        for claims in requests
    ]
    names = {key: policy.name for claims in asked for policy, key, _ in claims}
    to_lock = json.dumps(sorted(names.items()))  # in one order everywhere, so that no two transactions block each other
    dialect = statements.of(server.dialect_name)
    async with server.engine.begin() as connection:
        rows = (await connection.execute(dialect.lock, {"rows": to_lock})).all()
        states = States([(key, state, microseconds) for key, state, microseconds in rows])
        standings = [states.take(claims) for claims in asked]
        if states.changed:
            await connection.execute(dialect.keep, {"rows": json.dumps(states.rows)})
    return standings
