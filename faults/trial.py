"""One run of one row: its service and clients, and the results."""

from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field

from prometheus_client.parser import text_string_to_metric_families

from demo.signals import Scrape

from .outside import Outside
from .samples import Samples
from .service import Line, Service
from .wire import Reply, ask, head

NONE = Scrape([])


@dataclass(kw_only=True)
class Trial:
    """The argument of a row's `send` and of its expectations."""

    service: Service
    outside: Outside
    size: int
    until: Callable[[Callable[[], Awaitable[object]]], Awaitable[None]]
    """Wait until something holds. Raises `TimeoutError`."""
    clients: Counter[str] = field(default_factory=Counter)
    """What clients saw, in words: a status, `closed`, `reset`."""
    measured: dict[str, float] = field(default_factory=dict)
    before: Scrape = NONE
    after: Scrape = NONE
    resident_mib: float = 0.0
    """Before."""
    began: float = 0.0
    ended: float = 0.0
    finished: float = 0.0
    """When the observer stopped."""
    samples: Samples = field(default_factory=lambda: Samples([]))
    first_line: int = 0
    """Lines before this one belong to the start."""
    error: str = ""
    """Why `send` could not go on."""
    exit_status: str = ""
    peak_mib: float | None = None
    """As the cgroup counts it."""

    def saw(self, what: object, count: int = 1) -> None:
        """Note what a client saw."""
        self.clients[str(what)] += count

    @property
    def lines(self) -> list[Line]:
        """What the service has said since the row began."""
        return self.service.lines[self.first_line :]

    @property
    def grown_mib(self) -> float:
        """How far resident memory was above that of the beginning, at its peak."""
        return max(0.0, self.service.high_water_mib - self.resident_mib)

    def increase(self, name: str, **labels: str) -> float:
        """By how much a metric has grown."""
        return self.after.sum(name, **labels) - self.before.sum(name, **labels)

    async def get(self, target: str, **fields: str) -> Reply:
        """One request on a connection of its own, to the service port. Notes the status."""
        return await self.send(head(target, **fields))

    async def send(self, request: bytes) -> Reply:
        """The same, with the bytes of a request."""
        try:
            reply = await ask(self.service.port, request)
        except (OSError, EOFError) as error:
            closed = "closed" if isinstance(error, EOFError) else "reset"
            self.saw("nothing" if isinstance(error, TimeoutError) else closed)
            return Reply(0, {}, b"")
        self.saw(reply.status)
        return reply

    async def scrape(self) -> Scrape:
        """The metrics of the service now; empty when it does not answer."""
        with suppress(OSError, EOFError):
            text = (await ask(self.service.management_port, head("/metrics"))).body.decode()
            return Scrape([sample for family in text_string_to_metric_families(text) for sample in family.samples])
        return NONE

    async def has_ended(self) -> bool:
        """Whether the service is gone."""
        return self.service.ended

    async def until_active(self, requests: int) -> None:
        """Wait until so many requests are in progress."""

        async def are_active() -> bool:
            return (await self.scrape()).sum("http_server_active_requests") == requests

        await self.until(are_active)
