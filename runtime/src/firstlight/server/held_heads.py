"""Heads of responses that wait for their bodies, for at most one iteration of the loop."""

from collections.abc import Callable
from typing import Protocol


class Holder(Protocol):
    """A response whose head is held, or has been sent with its body."""

    def flush(self) -> None:
        """Send the head, if it is still held."""


class HeldHeads:
    """The heads of all connections of a port. One callback of the loop serves all that are held in one iteration."""

    def __init__(self) -> None:
        """Nothing is held yet."""
        self._holders: list[Holder] = []

    def add(self, holder: Holder, call_soon: Callable[..., object]) -> None:
        """Flush `holder` in the next iteration of the loop, whose `call_soon` is given."""
        if not self._holders:
            call_soon(self._flush)
        self._holders.append(holder)

    def _flush(self) -> None:
        holders, self._holders = self._holders, []
        for holder in holders:
            holder.flush()
