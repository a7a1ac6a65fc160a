"""What a resolver finds: the instances of a dependency."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol


@dataclass(frozen=True, slots=True)
class Instance:
    """One server of a dependency."""

    host: str
    """Name or IP address to connect to."""
    port: int
    weight: float = 1.0
    priority: int = 0
    """Instances with a higher number get calls only while there is none with a lower number (RFC 2782)."""
    has_own_name: bool = False
    """Whether `Host` and the certificate have the name of the instance, and not that of the dependency."""

    @property
    def name(self) -> str:
        """Host and port, as in a URL."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class Found(NamedTuple):
    """The answer to a lookup."""

    instances: Sequence[Instance]
    seconds: float
    """Until the next lookup."""
    age_seconds: float = 0.0
    """How old the answer was when it was given: more than 0 if a replica of the registry answered."""


class DiscoveryError(Exception):
    """There was no answer to a lookup, or none that can be read."""


class Resolver(Protocol):
    """Finds the instances of one dependency."""

    @property
    def timeout_seconds(self) -> float:
        """Limit for the next lookup. A lookup that waits for a change needs more time."""
        ...

    async def resolve(self) -> Found:
        """The instances of now. None are an answer, too. Raises `DiscoveryError` or `OSError` without an answer."""
        ...
