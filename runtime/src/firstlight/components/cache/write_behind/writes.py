"""The open queue of a component: writes are added by requests, and flushed in batches beside them."""

import asyncio
from collections.abc import Sequence
from typing import Generic, TypeVar

import structlog

from ....logs.limited_lines import LimitedLines
from ....management.check import Check
from ....problems import UnavailableError
from ....summary import summary
from ..gathered import BatchLimits, CrowdedError, Gathered
from .codec import Codec
from .measures import Measures
from .queue import Queue

WriteT = TypeVar("WriteT")
MOST_BYTES = 65_536  # of one write
LIMITS = BatchLimits(batch=1000, seconds=1.0)
FLUSHED_AT_ONCE = 100  # entries of the queue; each has the writes that came together
DRAIN_SECONDS = 5.0
_FLUSH_FAILED, _REFUSED, _SET_ASIDE = "cache.flush_failed", "cache.write_refused", "cache.write_set_aside"

log = structlog.get_logger()


class Writes(Generic[WriteT]):
    """The resource of the component."""

    def __init__(self, name: str, queue: Queue, codec: Codec[WriteT]) -> None:
        """Add to `queue`, whose label in metrics is `name`."""
        self.name = name
        self._queue, self._codec = queue, codec
        self._measures = Measures(name)
        self._gathered = Gathered[bytes, bool](queue.put, LIMITS)
        self._lines = LimitedLines((_FLUSH_FAILED, _REFUSED, _SET_ASIDE))
        self._at_once = FLUSHED_AT_ONCE

    async def add(self, write: WriteT) -> None:
        """Return when the write is in the queue: it takes effect once, also if this process is killed now.

        Raises `UnavailableError` (503) if the queue cannot be reached within a second, or is full. The write then takes
        effect once or never, so a client that repeats the request should send an idempotency key. Raises `ValueError`
        for a write of more than 64 KiB.
        """
        text = self._codec.encode(write)
        if len(text) > MOST_BYTES:
            msg = f"a write of the queue {self.name} takes {len(text)} bytes; at most {MOST_BYTES} are allowed"
            raise ValueError(msg)
        try:
            accepted = await self._gathered.ask(text, len(text))
        except (CrowdedError, TimeoutError, UnavailableError) as error:
            self._refuse(summary(error.__cause__ or error))
            msg = "The write cannot be accepted at present."
            raise UnavailableError(msg) from error
        if not accepted:
            self._refuse("too many others wait")
            msg = "The write cannot be accepted: too many others wait."
            raise UnavailableError(msg)
        self._measures.queued.inc()

    async def flush(self) -> None:
        """Let everything that is in the queue take effect, and measure what is left.

        While the server cannot be reached this is logged, and the writes wait.
        """
        try:
            while await self._flush_some():
                pass
            self._measures.take(await self._queue.measure())
        except (UnavailableError, TimeoutError) as error:
            self._at_once = max(1, self._at_once // 2)  # the next attempt has a smaller part
            self._measures.failed()
            if (suppressed := self._lines.suppressed(_FLUSH_FAILED)) is not None:
                reason = summary(error.__cause__ or error)
                log.warning(_FLUSH_FAILED, queue=self.name, reason=reason, suppressed=suppressed)

    async def drain(self) -> None:
        """Flush for a few seconds at most. What is left, another instance flushes, or this one after its next start."""
        try:
            async with asyncio.timeout(DRAIN_SECONDS):
                await self.flush()
        except TimeoutError:
            self._measures.failed()

    async def requeue(self) -> int:
        """Put the writes that were set aside at the end of the queue. Returns their number.

        Raises `UnavailableError`.
        """
        return await self._queue.requeue()

    def checks(self) -> Sequence[Check]:
        """The health checks of the queue's server."""
        return self._queue.checks()

    def _refuse(self, reason: str) -> None:
        self._measures.refused.inc()
        if (suppressed := self._lines.suppressed(_REFUSED)) is not None:
            log.warning(_REFUSED, queue=self.name, reason=reason, suppressed=suppressed)

    async def _flush_some(self) -> bool:
        """Flush a batch. Returns whether there may be more."""
        flushed = await self._queue.flush(self._at_once)
        self._measures.flushed.inc(flushed.writes)
        for reason in flushed.set_aside:
            self._measures.set_aside.inc()
            if (suppressed := self._lines.suppressed(_SET_ASIDE)) is not None:
                log.error(_SET_ASIDE, queue=self.name, reason=reason, suppressed=suppressed)
        more = flushed.entries >= self._at_once
        self._at_once = min(FLUSHED_AT_ONCE, 2 * self._at_once)
        return more
