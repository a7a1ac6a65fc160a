"""The observer's samples: one for each request of the normal load, each probe and each scrape."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from bench.report import percentile

LOAD = "load"
PROBES = ("/health/live", "/health/ready", "/health/startup", "/metrics")
OK = range(200, 400)


class Sample(NamedTuple):
    """One request of the observer."""

    at: float
    """When it was due, in seconds of `time.monotonic`."""
    kind: str
    """`load`, or the path of a probe."""
    seconds: float
    status: int
    """0 for no response."""

    @property
    def failed(self) -> bool:
        """Whether the request failed for its client."""
        return self.status not in OK


@dataclass(frozen=True)
class Samples:
    """The samples of some time."""

    samples: Sequence[Sample]

    def between(self, begin: float, end: float) -> "Samples":
        """Those that were due between two instants."""
        return Samples([sample for sample in self.samples if begin <= sample.at < end])

    @property
    def load(self) -> "Samples":
        """The normal load."""
        return Samples([sample for sample in self.samples if sample.kind == LOAD])

    @property
    def probes(self) -> "Samples":
        """Probes and scrapes."""
        return Samples([sample for sample in self.samples if sample.kind in PROBES])

    @property
    def failures(self) -> int:
        """How many failed."""
        return sum(sample.failed for sample in self.samples)

    @property
    def p99(self) -> float:
        """Seconds that 99 % did not exceed."""
        return percentile([sample.seconds for sample in self.samples], 99) if self.samples else 0.0

    @property
    def longest(self) -> float:
        """Seconds of the slowest."""
        return max((sample.seconds for sample in self.samples), default=0.0)
