"""The emitted service on PostgreSQL: a short link is followed, read and created; 100 of them are created at once."""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import median
from typing import Any

from .processes import FailedError
from .report import Row, Section
from .rig import Rig, Server
from .variants import SERVICE_DATABASE

BATCH = 100
SETTLE_SECONDS = 0.4  # spans leave every 0.25 s
SHARE = 0.25
METHOD = (
    "The emitted service, 10 % sampled, through HTTP, 32 keep-alive connections in a closed loop. A redirect reads the "
    "link, each time another one, and counts the visit in a transaction. A read is one `database.read_one`. Requests a "
    "second and core: one second divided by the CPU time of the service; PostgreSQL's own is beside it, on another "
    "core. Commits are flushed to the disk. Medians over the rounds."
)
HEAD = ("The URL shortener", "service, us", "PostgreSQL, us", "requests/s and core", "rows/s and core")


@dataclass(frozen=True)
class Request:
    """One kind of request, and how many rows it writes."""

    title: str
    path: str
    status: str
    rows: int = 0
    method: str = "GET"
    body: str = ""
    share: float = SHARE

    @property
    def order(self) -> Mapping[str, Any]:
        """As the load takes it."""
        return {"path": self.path, "method": self.method, "body": self.body}


def _links(number: int) -> str:
    return json.dumps({"items": [{"url": "https://example.com/?n={n}"}] * number})


REQUESTS = (
    Request("read of a link", "/api/v1/links/link-{n}", "200"),
    Request("redirect, with its count", "/r/link-{n}", "302"),
    Request("create", "/api/v1/links", "201", 1, "POST", '{"url": "https://example.com/?n={n}"}'),
    Request(f"create {BATCH}", "/batches", "201", BATCH, "POST", _links(BATCH), SHARE / 5),
)

# As many links as requests of a round, so that visits at once do not wait for one row.
FILL = Request("fill", "/api/v1/links", "201", 1, "POST", '{"url": "https://example.com/", "slug": "link-{n}"}')


def measure(rig: Rig) -> Section:
    """All kinds of requests in turn, for a few rounds."""
    figures: dict[Request, list[tuple[float, float]]] = {request: [] for request in REQUESTS}
    with rig.start(SERVICE_DATABASE) as server:
        rig.ready(server)
        _microseconds(rig, server, FILL)
        for number in range(rig.amounts.few_rounds + rig.amounts.filling_rounds):
            for request in REQUESTS:
                spent = _microseconds(rig, server, request)
                if number >= rig.amounts.filling_rounds:
                    figures[request].append(spent)
    return Section("URL shortener", METHOD, HEAD, [_row(request, figures[request]) for request in REQUESTS])


def _microseconds(rig: Rig, server: Server, request: Request) -> tuple[float, float]:
    """What one request costs the service, and what it costs PostgreSQL."""
    count = max(int(rig.amounts.requests * request.share), 1)
    before = server.cpu_seconds, rig.postgresql.cpu_seconds
    statuses = rig.send(server, count, **request.order).statuses
    time.sleep(SETTLE_SECONDS)
    if statuses != {request.status: count}:
        msg = f"{request.title}: {statuses}"
        raise FailedError(msg)
    after = server.cpu_seconds, rig.postgresql.cpu_seconds
    service, database = ((late - early) / count * 1e6 for early, late in zip(before, after, strict=True))
    return service, database


def _row(request: Request, spent: list[tuple[float, float]]) -> Row:
    service, database = median(each[0] for each in spent), median(each[1] for each in spent)
    rows = f"{1e6 / service * request.rows:,.0f}" if request.rows else "-"
    return request.title, f"{service:.0f}", f"{database:.0f}", f"{1e6 / service:,.0f}", rows
