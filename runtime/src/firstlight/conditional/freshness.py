"""How long the data of a response are fresh, so that its `max-age` is not longer."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar


class Freshness:
    """Of the response in progress."""

    __slots__ = ("until",)

    def __init__(self) -> None:
        """Its data are fresh for ever, as far as anyone has said."""
        self.until = float("inf")

    @property
    def seconds(self) -> float:
        """For how long from now on; not below 0."""
        return max(0.0, self.until - time.monotonic())


CURRENT: ContextVar[Freshness | None] = ContextVar("freshness", default=None)


@contextmanager
def noted() -> Iterator[Freshness]:
    """The freshness of what the block, and what it awaits, reads."""
    freshness = Freshness()
    token = CURRENT.set(freshness)
    try:
        yield freshness
    finally:
        CURRENT.reset(token)


def note(until: float) -> None:
    """Say that the response uses data that are fresh until then, a time of `time.monotonic`."""
    freshness = CURRENT.get()
    if freshness is not None and until < freshness.until:
        freshness.until = until
