"""One row of the table, as data: the requests to a new service, and the expectations."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

from .trial import Trial


@dataclass(frozen=True, slots=True)
class Expectation:
    """What must hold of a trial."""

    text: str
    """After "expected": `at least 1 line http.connection_refused`."""
    saw: Callable[[Trial], str]
    """After "saw": what was there instead."""
    holds: Callable[[Trial], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row. Each has a service of its own."""

    name: str
    item: int
    """The subject that it belongs to: see `SUBJECTS`."""
    sent: str
    """What is sent, in words; `{size}` is the size of this run."""
    send: Callable[[Trial], Awaitable[object]]
    expect: Sequence[Expectation]
    short: int = 1
    """The size of the short form; what it counts is `send`'s to say."""
    long: int = 0
    """The size of the long form; 0 for the same."""
    settings: Mapping[str, str] = field(default_factory=dict)
    """Environment variables of the service; `{outside}` is the address, and `{port}` the port, of what it calls."""
    under_load: bool = False
    """With 50 requests/s of normal load. Such a row runs while no other row does."""
    alone: bool = False
    """Runs while no other row does: it is about memory or time."""
    descriptors: int | None = None
    pids: int | None = None
    needs_descriptors: int = 0
    """Descriptors that its clients need at the long size."""

    def size(self, *, long: bool) -> int:
        """The size of a run."""
        return self.long if long and self.long else self.short


SUBJECTS = {
    1: "hostile streams of bytes",
    2: "deadlines of clients",
    3: "more clients than the service can hold",
    4: "telemetry in memory",
    5: "what the service calls",
    6: "the clock starts at arrival",
    7: "shedding",
    8: "overload",
    9: "errors that nobody handles",
    10: "websockets, background work, streams",
    11: "a blocked event loop",
    12: "no body is lost",
    13: "what is refused or lost is counted",
    14: "what lines, spans and reports carry",
    15: "logging calls",
    16: "the first failure counts",
}
