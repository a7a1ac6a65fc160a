"""When a circuit breaker opens and closes, as one value."""

from dataclasses import dataclass

from .errors import ArrangementError

MOST_SECONDS = 86_400  # longer times are mistakes


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerPolicy:
    """The numbers of a breaker. Raises `ArrangementError` for those that cannot work."""

    window_seconds: int = 30
    """How long a call counts, in seconds."""
    minimum_calls: int = 10
    """With fewer calls within the window the breaker stays closed."""
    failure_ratio: float = 0.5
    """It opens when this part of the calls has failed. Above 0, at most 1."""
    slow_seconds: float | None = None
    """A call that takes longer is slow. None: no call is."""
    slow_ratio: float = 0.8
    """It opens when this part of the calls was slow. Above 0, at most 1."""
    open_seconds: float = 5.0
    """How long it refuses all calls. Then it is half-open: a few calls pass, and the others are refused."""
    probes: int = 3
    """How many calls pass while it is half-open, all of them at once if need be. By the same ratios they decide
    whether it closes or opens again."""

    def __post_init__(self) -> None:
        """Check the numbers."""
        for name in ("window_seconds", "minimum_calls", "probes"):
            self._require(name, 1 <= getattr(self, name) <= MOST_SECONDS, "at least 1")
        for name in ("failure_ratio", "slow_ratio"):
            self._require(name, 0 < getattr(self, name) <= 1, "above 0 and at most 1")
        self._require("open_seconds", 0 < self.open_seconds <= MOST_SECONDS, "seconds above 0")
        if self.slow_seconds is not None:
            self._require("slow_seconds", 0 < self.slow_seconds <= MOST_SECONDS, "seconds above 0, or None")

    def _require(self, name: str, holds: object, demand: str) -> None:
        if not holds:
            msg = f"{name} of a BreakerPolicy must be {demand}, not {getattr(self, name)!r}"
            raise ArrangementError(msg)
