"""Watches the replicas: asks every second whether they answer, and how far they are behind."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from .lag import Lag, Position, Primary
from .metrics import REPLICA_LAG
from .probe import LoopBlockedError, Probe
from .replicas import Replica

RETURN_RATIO = 0.5  # of the limit: a lag around the limit does not make a replica come and go


@dataclass(frozen=True, slots=True)
class Watched:
    """A replica with what asks it, and what closes the connections of before its loss."""

    replica: Replica[Any]
    probe: Probe
    renew: Callable[[], Awaitable[None]]


class ReplicaWatch:
    """Decides which replicas are used."""

    def __init__(self, primary: Probe, watched: Sequence[Watched], limit: float) -> None:
        """A replica that is behind by more than `limit` seconds is not used."""
        self._primary = primary
        self._positions = Primary()
        self._watched = watched
        self._lags = [Lag(self._positions) for _ in watched]
        self._limit = limit
        self._behind: set[str] = set()

    async def look(self) -> None:
        """Ask all servers once, at the same time. Raises nothing about a server that does not answer."""
        for each in self._watched:
            if not each.replica.usable:
                each.probe.close()  # an old connection says nothing about new ones
        asked = asyncio.get_running_loop().time()
        probes = [self._primary, *(each.probe for each in self._watched)]
        primary, *answers = await asyncio.gather(*(probe.position() for probe in probes), return_exceptions=True)
        is_known = isinstance(primary, Position) and primary.wal is not None
        if isinstance(primary, Position) and primary.wal is not None:
            self._positions.note(asked, primary.wal)
        for watched, lag, answer in zip(self._watched, self._lags, answers, strict=True):
            if isinstance(answer, Position):
                # Without an answer of the primary, nobody knows. Reads go on: they may be all that works.
                await self._answered(watched, lag.seconds(asked, answer) if is_known else None)
            elif not isinstance(answer, LoopBlockedError):
                _show(watched, None)
                if isinstance(answer, Exception):
                    watched.replica.lost_by(answer)

    async def _answered(self, watched: Watched, seconds: float | None) -> None:
        replica, name = watched.replica, watched.replica.server.name
        _show(watched, seconds)
        if seconds is not None:
            limit = self._limit if replica.usable else RETURN_RATIO * self._limit
            (self._behind.add if seconds > limit else self._behind.discard)(name)
        if name in self._behind:
            if seconds is not None:
                replica.lost(f"it is {seconds:.1f} s behind its primary; the limit is {self._limit:g} s")
        elif not replica.usable:
            await watched.renew()
            replica.returned()

    def close(self) -> None:
        """Close the connections."""
        for probe in (self._primary, *(each.probe for each in self._watched)):
            probe.close()


def _show(watched: Watched, seconds: float | None) -> None:
    name = watched.replica.server.name
    if seconds is None:
        REPLICA_LAG.remove(name)
    else:
        REPLICA_LAG.labels(name).set(seconds)
