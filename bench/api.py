"""The example's resource: what its operations add to the data plane, and what the same resource costs on FastAPI."""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from . import cpu
from .processes import FailedError
from .report import Estimate, Section, Verdict, estimate
from .rig import Rig, Server
from .variants import DATA_PLANE_API, FASTAPI, NEW_LINK, SERVICE_API, Variant

LEAST_TIMES_CHEAPER = 4.0
LISTED = 50
URL = "https://example.com/"
METHOD = (
    "As above, at 10 % sampling. The data plane is around plain routes that give the same responses without any work. "
    "Added: what the service takes more than that, in each round. Times: what FastAPI takes, divided by the service. "
    "FastAPI has its usual instrumentation: OpenTelemetry, prometheus-fastapi-instrumentator, and a JSON line for each "
    "request. It has no rate limits, security headers, entity tags and signed cursors, which the service has."
)


@dataclass(frozen=True)
class Request:
    """One kind of request, sent to every server. `most` is the target of what it adds, in microseconds."""

    title: str
    path: str
    status: str = "200"
    method: str = "GET"
    body: str = ""
    headers: Mapping[str, str] = field(default_factory=dict, hash=False)
    most: float | None = None
    share: float = 1.0

    @property
    def order(self) -> Mapping[str, Any]:
        """As the load takes it."""
        return {"path": self.path, "method": self.method, "body": self.body, "headers": dict(self.headers)}


REQUESTS = (
    Request("redirect", "/r/abc", "302", most=10),
    Request("read", "/api/v1/links/abc", most=10),
    Request(f"list of {LISTED}", f"/api/v1/links?limit={LISTED}", share=0.3),
    Request("create with validation", "/api/v1/links", "201", "POST", f'{{"url": "{URL}?n={{n}}"}}', most=25),
    Request(
        "replayed create",
        "/api/v1/links",
        "201",
        "POST",
        f'{{"url": "{URL}"}}',
        {"idempotency-key": '"first-link"'},
        most=25,
    ),
)
SERVERS = (DATA_PLANE_API, SERVICE_API, FASTAPI)

Figures = Mapping[tuple[Request, Variant], Sequence[float]]


def measure(rig: Rig) -> Section:
    """Send every kind of request to every server in turn, for a few rounds."""
    with ExitStack() as stack:
        servers = [rig.ready(stack.enter_context(rig.start(variant))) for variant in SERVERS]
        for server in servers:
            _fill(rig, server)
        figures: dict[tuple[Request, Variant], list[float]] = {(r, s): [] for r in REQUESTS for s in SERVERS}
        for _ in range(rig.amounts.few_rounds):
            for request in REQUESTS:
                for server in servers:
                    count = max(int(rig.amounts.requests * request.share * server.variant.share), 1)
                    spent = cpu.microseconds(rig, server, count, request.status, request.order)
                    figures[request, server.variant].append(spent)
        waited = servers[0].waited
    head = ("CPU per request, us", "data plane", "service", "added", "FastAPI", "times")
    rows = [_row(request, figures) for request in REQUESTS]
    verdicts = _verdicts(figures, quiet=waited < cpu.MOST_WAITED)
    least = min(_times(figures, request).median for request in REQUESTS)
    short = (
        f"The example's resource takes at least {least:.1f} times the CPU on FastAPI with its usual instrumentation."
    )
    return Section("The example's resource", METHOD, head, rows, verdicts, short)


def _fill(rig: Rig, server: Server) -> None:
    """Store as many links as a page lists, and the response that is replayed; then warm up."""
    if server.variant is not DATA_PLANE_API:
        new = {**NEW_LINK, "body": f'{{"url": "{URL}", "slug": "slug-{{n}}"}}'}
        if (statuses := rig.send(server, LISTED - 1, **new).statuses) != {"201": LISTED - 1}:
            msg = f"{server.variant.title} answered {statuses} to new links"
            raise FailedError(msg)
    for request in REQUESTS:
        rig.send(server, 1, **request.order)
        count = rig.amounts.of(cpu.WARM_UP_REQUESTS)
        rig.send(server, max(int(count * server.variant.share * request.share), 1), **request.order)


def _added(figures: Figures, request: Request) -> Estimate:
    pairs = zip(figures[request, SERVICE_API], figures[request, DATA_PLANE_API], strict=True)
    return estimate([service - data_plane for service, data_plane in pairs])


def _times(figures: Figures, request: Request) -> Estimate:
    pairs = zip(figures[request, FASTAPI], figures[request, SERVICE_API], strict=True)
    return estimate([fastapi / service for fastapi, service in pairs])


def _row(request: Request, figures: Figures) -> Sequence[str]:
    data_plane, service, fastapi = (f"{median(figures[request, server]):.1f}" for server in SERVERS)
    return (
        request.title,
        data_plane,
        service,
        _added(figures, request).text(1),
        fastapi,
        _times(figures, request).text(1),
    )


def _verdicts(figures: Figures, *, quiet: bool) -> list[Verdict]:
    verdicts = []
    for request in REQUESTS:
        added, times = _added(figures, request), _times(figures, request)
        if request.most is not None:
            target = f"{request.title}: adds at most {request.most:.0f} us to the data plane"
            verdicts.append(Verdict(target, f"{added.text(1)} us", met=added.median <= request.most if quiet else None))
        target = f"{request.title}: at least {LEAST_TIMES_CHEAPER:.0f} times the CPU on FastAPI"
        met = times.median >= LEAST_TIMES_CHEAPER if quiet else None
        verdicts.append(Verdict(target, times.text(1), met=met))
    return verdicts
