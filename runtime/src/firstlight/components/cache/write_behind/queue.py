"""A durable queue of writes, as a port. It is where the writes take effect: a batch and its mark are one step."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from ....management.check import Check


class Flushed(NamedTuple):
    """What one step has done."""

    entries: int
    """How many entries it has taken from the queue."""
    writes: int
    """How many writes have taken effect."""
    set_aside: Sequence[str]
    """Why the others have not: one reason for each."""


class Depth(NamedTuple):
    """What a queue holds."""

    writes: int
    seconds: float
    """The age of the oldest one."""
    set_aside: int


class Queue(Protocol):
    """All instances share it. Each method raises `UnavailableError` while its server cannot be used."""

    async def put(self, writes: Sequence[bytes]) -> Sequence[bool]:
        """Add writes, which are JSON, as one entry. Returns for each whether it is in the queue: not if that is full.

        Returns when the server has them as durably as it keeps anything.
        """

    async def flush(self, entries: int) -> Flushed:
        """Let the writes of the oldest entries take effect, and remove them from the queue, in one atomic step.

        A write that cannot take effect is set aside in the same step.
        """

    async def measure(self) -> Depth:
        """What it holds now."""

    async def requeue(self) -> int:
        """Put all writes that were set aside at its end. Returns their number."""

    def checks(self) -> Sequence[Check]:
        """The health checks of its server, if no other component has them."""
