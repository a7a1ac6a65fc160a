"""A policy of rate limits as one row: how many requests, for whom, on which routes."""

import re
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Literal, NoReturn

from ..errors import ArrangementError
from .exemptions import Exemptions

NANOSECONDS_OF_A_SECOND = 1_000_000_000  # nanoseconds, the unit of all times here
_SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86_400}
_RATE = re.compile(r"(?P<limit>[1-9]\d{0,8})\s*/\s*(?P<number>[1-9]\d{0,3})?\s*(?P<unit>second|minute|hour|day)s?")
_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
_MOST_PER_SECOND = 1_000_000

Algorithm = Literal["token_bucket", "leaky_bucket", "fixed_window", "sliding_window"]
Part = Literal["address", "caller", "route", "global"]
ALGORITHMS = ("token_bucket", "leaky_bucket", "fixed_window", "sliding_window")
PARTS = ("address", "caller", "route", "global")
BUCKETS = frozenset({"token_bucket", "leaky_bucket"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """One policy, such as `Limit(name="writes", rate="60/minute", by="caller", methods=("POST",))`.

    A limit by address or for all callers, without `paths`, is checked before the router: it also counts requests that
    match no route, and each request costs 1. Every other limit is checked at the routes, after authentication, and a
    call costs `cost` of its operation. Raises `ArrangementError` for a limit that cannot work.
    """

    name: str
    """Label of its metrics and name in responses and log lines. Lower case with underscores."""
    rate: str
    """Requests and period: `100/minute`, `5/15 minutes`. The units are second, minute, hour and day."""
    by: Part | Collection[Part] = "address"
    """What has a counter of its own: the client's `address` (IPv6: its /64 network), the `caller` (its name, or the
    address of a caller without one), the `route` with its method, `global` for all together, or several of these."""
    algorithm: Algorithm = "token_bucket"
    """`token_bucket`: `burst` requests at once, then the rate. `leaky_bucket`: evenly spaced, without bursts unless
    `burst` is given; none waits in a queue. `fixed_window`: a period starts with the first request, and up to twice the
    limit can pass around its end. `sliding_window`: never more than the limit within any period."""
    burst: int | None = None
    """For buckets: how many requests may come at once. By default the limit, and 1 for `leaky_bucket`."""
    methods: Collection[str] = ()
    """Count requests with these methods only. `GET` includes `HEAD`. None: all."""
    paths: Collection[str] = ()
    """Count requests for these routes only: templates such as `/r/{slug}`, or prefixes such as `/api/*`. None: all."""
    exempt: Collection[str] = ()
    """Whom it does not limit: networks such as `10.0.0.0/8`, and callers such as `name:nightly`."""
    when_store_fails: Literal["allow", "refuse"] = "allow"
    """What happens while the store cannot answer: `allow` lets requests through, `refuse` answers 503."""

    limit: int = field(init=False)
    """Requests in a period."""
    period: int = field(init=False)
    """Nanoseconds."""
    parts: frozenset[str] = field(init=False)
    exemptions: Exemptions = field(init=False)

    def __post_init__(self) -> None:
        """Read the rate, and refuse what cannot work."""
        if _NAME.fullmatch(self.name) is None:
            self.refuse("must have a name in lower case, such as by_address")
        for field_name, values in (("methods", self.methods), ("paths", self.paths), ("exempt", self.exempt)):
            if isinstance(values, str):
                self.refuse(f'must have a tuple in `{field_name}`, such as ("{values}",)')
        match = _RATE.fullmatch(self.rate.strip().lower())
        if match is None:
            self.refuse(f"must have a rate such as 100/minute or 5/15 minutes, not {self.rate!r}")
        seconds = int(match["number"] or 1) * _SECONDS[match["unit"]]
        parts = frozenset({self.by} if isinstance(self.by, str) else self.by)
        for name, value in {
            "limit": int(match["limit"]),
            "period": seconds * NANOSECONDS_OF_A_SECOND,
            "parts": parts,
            "exemptions": Exemptions(self.name, self.exempt),
        }.items():
            object.__setattr__(self, name, value)  # a frozen value is complete when it is constructed
        if self.limit > seconds * _MOST_PER_SECOND:
            self.refuse(f"must allow at most {_MOST_PER_SECOND} requests in a second")
        self._verify_choices()

    @property
    def capacity(self) -> int:
        """The most requests that can pass at once, which is also the highest `cost` of one."""
        if self.algorithm not in BUCKETS:
            return self.limit
        return self.burst or (1 if self.algorithm == "leaky_bucket" else self.limit)

    @property
    def is_checked_at_the_routes(self) -> bool:
        """Whether it needs the route or the caller, which are not known before the router."""
        return bool(self.paths) or not self.parts <= {"address", "global"}

    def covers(self, method: str, path: str) -> bool:
        """Whether it counts requests with this method for the route with this template."""
        return self.counts(method) and (not self.paths or any(fits(path, pattern) for pattern in self.paths))

    def counts(self, method: str) -> bool:
        """Whether it counts requests with this method."""
        return not self.methods or ("GET" if method == "HEAD" else method) in self.methods

    def _verify_choices(self) -> None:
        if not self.parts or not self.parts <= set(PARTS):
            self.refuse(f"must be `by` one or several of {', '.join(PARTS)}, not {self.by!r}")
        if "global" in self.parts and len(self.parts) > 1:
            self.refuse("must be `by` global alone, or by the other parts")
        if self.algorithm not in ALGORITHMS:
            self.refuse(f"must have an algorithm of {', '.join(ALGORITHMS)}, not {self.algorithm!r}")
        if self.burst is not None and (self.algorithm not in BUCKETS or self.burst < 1):
            self.refuse("must have a `burst` of at least 1, and only with token_bucket or leaky_bucket")
        if self.when_store_fails not in {"allow", "refuse"}:
            self.refuse(f"must have allow or refuse in `when_store_fails`, not {self.when_store_fails!r}")
        if any(method != method.upper() for method in self.methods):
            self.refuse("must have its methods in upper case")
        if not all(path.startswith("/") for path in self.paths):
            self.refuse("must have paths that begin with a slash")

    def refuse(self, demand: str) -> NoReturn:
        """Raise `ArrangementError` with a sentence about this limit."""
        msg = f"the rate limit {self.name!r} {demand}"
        raise ArrangementError(msg)


def fits(path: str, pattern: str) -> bool:
    """Whether a template is the one that a limit names, or begins as it says."""
    return path.startswith(pattern[:-1]) if pattern.endswith("*") else path == pattern
