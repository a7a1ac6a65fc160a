"""How one dependency is called: deadlines, retries, breaker, concurrency and fallback, as one value."""

from collections.abc import Awaitable, Callable, Collection
from dataclasses import KW_ONLY, dataclass, field

import httpx2

from ...balancing import ALGORITHMS
from ...breaker_policy import MOST_SECONDS, BreakerPolicy
from ...errors import ArrangementError
from .bulkhead import Concurrency
from .discovery import Ejection
from .retries import Retries

Outcome = httpx2.Response | Exception
Fallback = Callable[[httpx2.Request, Outcome], httpx2.Response | Awaitable[httpx2.Response | None] | None]

EVERY_ENTRY = "*"
_KINDS = {"retries": Retries, "breaker": BreakerPolicy, "concurrency": Concurrency, "ejection": Ejection}


@dataclass(frozen=True, slots=True)
class Dependency:
    """The policies of one dependency. All durations are in seconds. None means: what the variable says.

    Raises `ArrangementError` for policies that cannot work.
    """

    name: str
    """Its name in HTTP_CLIENT_DEPENDENCIES, in labels and log lines: a Python name in lower case."""
    _: KW_ONLY
    total_seconds: float | None = None
    """Limit of a call with its retries, from the first attempt to the last byte. HTTP_CLIENT_TIMEOUT_SECONDS."""
    connect_seconds: float | None = None
    """Limit for opening a connection, with TLS. HTTP_CLIENT_CONNECT_SECONDS."""
    read_seconds: float | None = None
    """Limit for each wait for bytes of the response. None: only the total counts, which leaves no time for a retry."""
    write_seconds: float | None = None
    """Limit for each wait until bytes of the request are accepted. None: only the total counts."""
    callee_seconds: float | None = None
    """How long the dependency itself takes at most, such as its HANDLER_SECONDS, if that is known. The start and
    `make doctor` compare it with the limit of a call."""
    retries: Retries | None = field(default_factory=Retries)
    """None: each call is sent once."""
    breaker: BreakerPolicy | None = field(default_factory=BreakerPolicy)
    """None: no call is refused because of earlier ones."""
    concurrency: Concurrency | None = None
    """None: as many calls at once as HTTP_CLIENT_MAX_CONNECTIONS, with 100 more that wait 1 s at most."""
    fallback: Fallback | None = None
    """Answers a call that has failed, or got a status of 500 and above, after all retries. It gets the request, and the
    response or the error; it returns another response, or None for the failure itself."""
    balancing: str | None = None
    """How the instance of a call is chosen, where there are several. HTTP_CLIENT_BALANCING."""
    ejection: Ejection = field(default_factory=Ejection)
    """When an instance gets no calls, where there are several."""
    max_response_bytes: int | None = None
    """Limit of a body, before and after decoding. HTTP_CLIENT_MAX_RESPONSE_BYTES."""
    baggage: Collection[str] = ()
    """The keys of baggage entries that the dependency gets. `("*",)`: all. It gets none that is not named here."""
    pass_deadline: bool = True
    """Whether it is told how long the call waits, in `x-request-timeout-ms`."""

    def __post_init__(self) -> None:
        """Check what does not depend on the environment."""
        if not (str(self.name).isidentifier() and self.name == str(self.name).lower()):
            self.refuse("must be a Python name in lower case")
        if isinstance(self.baggage, str):
            self.refuse(f'must have a tuple in `baggage`, such as ("{self.baggage}",)')
        self._check_kinds()
        for name in ("total_seconds", "connect_seconds", "read_seconds", "write_seconds", "callee_seconds"):
            seconds = getattr(self, name)
            if seconds is not None and not (isinstance(seconds, int | float) and 0 < seconds <= MOST_SECONDS):
                self.refuse(f"must have seconds above 0 in {name}, not {seconds!r}")
        for name in ("connect_seconds", "read_seconds", "write_seconds"):
            part = getattr(self, name)
            if part is not None and self.total_seconds is not None and part > self.total_seconds:
                self.refuse(f"must have at most total_seconds, {self.total_seconds:g}, in {name}, not {part:g}")
        if self.balancing is not None and self.balancing not in ALGORITHMS:
            self.refuse(f"must have one of {', '.join(ALGORITHMS)} in balancing, not {self.balancing!r}")
        if self.max_response_bytes is not None and self.max_response_bytes < 0:
            self.refuse("must have at least 0 in max_response_bytes")

    def _check_kinds(self) -> None:
        for name, kind in _KINDS.items():
            policy = getattr(self, name)
            if not isinstance(policy, kind) and (policy is not None or name == "ejection"):
                self.refuse(f"must have a value of {kind.__name__} in {name}, not {policy!r}")
        fallback: object = self.fallback
        if fallback is not None and not callable(fallback):
            self.refuse(f"must have a function of the request and the outcome in fallback, not {fallback!r}")

    def refuse(self, demand: str) -> None:
        """Raise `ArrangementError` with a sentence about this dependency."""
        msg = f"the dependency {self.name!r} {demand}"
        raise ArrangementError(msg)
