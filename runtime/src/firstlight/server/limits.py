"""The limits of one port on its clients."""

import resource
from dataclasses import dataclass, replace
from pathlib import Path

MIN_SPARE_DESCRIPTORS = 16  # for files, dependencies and the management port
SPARE_SHARE = 4
MAX_ENDING = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The limits of one port. Sizes are in bytes."""

    max_head_bytes: int
    max_connections: int
    head_seconds: float
    body_seconds: float
    write_seconds: float
    keep_alive_seconds: float
    max_ending: int = MAX_ENDING
    """Additional connections above `max_connections`, for clients that still read their refusal."""

    def within_descriptors(self) -> "Limits":
        """A copy with at most as many connections as the process may open descriptors."""
        soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        if soft == resource.RLIM_INFINITY:
            return self
        spare = max(MIN_SPARE_DESCRIPTORS, soft // SPARE_SHARE)
        allowed = max(1, soft - _open_descriptors() - spare)
        return replace(
            self,
            max_connections=min(self.max_connections, allowed),
            max_ending=min(self.max_ending, spare // SPARE_SHARE),
        )


def _open_descriptors() -> int:
    try:
        return sum(1 for _ in Path("/proc/self/fd").iterdir())
    except OSError:
        return MIN_SPARE_DESCRIPTORS
