"""What Redis says about its memory, if it lets us ask."""

import time
from collections.abc import Awaitable, Callable
from typing import Any

from redis.exceptions import ResponseError

from .metrics import SERVER, SERVER_BYTES, SERVER_BYTES_MAX, SERVER_EVICTED

EVERY_SECONDS = 15.0
FIELDS = {
    b"used_memory": SERVER_BYTES,
    b"maxmemory": SERVER_BYTES_MAX,
    b"evicted_keys": SERVER_EVICTED,
}


class Usage:
    """Asks at most every 15 seconds, and never again after a refusal."""

    def __init__(self) -> None:
        """Ask at the first look."""
        self._next = 0.0

    async def look(self, ask: Callable[[str], Awaitable[Any]]) -> None:
        """Export the memory of the server. `ask` returns a section of INFO."""
        now = time.monotonic()
        if now < self._next:
            return
        self._next = now + EVERY_SECONDS
        try:
            text = b"\n".join([await ask("memory"), await ask("stats")])
        except ResponseError:  # an ACL does not allow it
            self._next = float("inf")
            return
        for line in text.splitlines():
            name, _, value = line.partition(b":")
            if name in FIELDS:
                FIELDS[name].labels(SERVER).set(float(value))
