"""CPU per request: what a request costs the server's process, all threads counted, export and log writing included."""

import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from statistics import median
from typing import Any

from .processes import FailedError
from .report import Estimate, Row, Section, Verdict, estimate
from .rig import Rig, Server
from .variants import (
    BARE,
    COMPARED,
    CONVENTIONAL_10,
    DATA_PLANE_10,
    DATA_PLANE_100,
    SERVICE_10,
    SERVICE_100,
    Variant,
)

MOST_TIMES_BARE = {DATA_PLANE_10: 1.6, DATA_PLANE_100: 2.1, SERVICE_10: 1.8, SERVICE_100: 2.3}
LEAST_TIMES_SERVICE = 7.0
WARM_UP_REQUESTS = 2000
WARM_AGAIN_REQUESTS = 300  # the caches were others' since the last round
MOST_WAITED = 0.2  # beyond it, caches are somebody else's half of the time
SETTLE_SECONDS = 0.4  # spans leave every 0.25 s, log lines every 0.05 s
LOST_SPANS = 'telemetry_dropped_total{reason="%s",signal="traces"}'
CPU, TIMES, ADDED, OF_SERVICE, LOST = "CPU per request, us", "times bare", "added, us", "times service", "spans lost"
METHOD = (
    "Closed loop, 32 keep-alive connections. Figure: user and system time of the server's process, all its threads "
    "included, divided by the requests answered; read when the spans and log lines of these requests have left. All "
    "servers run at once and are driven in turn, each round beginning with another one. The load asks for answers "
    "without sleeping: otherwise a server that is slower than the load would wake it for each answer, in its own time. "
    "A ratio is computed within each round; shown are the medians over the rounds, with the interval that holds the "
    "true median in 95 cases of 100. "
    "Times bare and added compare with the bare route that answers with the same document through the same encoder. "
    "Times service divides by the whole service at 10 % sampling. The conventional stack does not count the spans it "
    "loses. The service carries what an application adds (limits, problem documents, a store, three more routes); the "
    "conventional stack is around the bare route."
)

Figures = Mapping[Variant, Sequence[float]]


def measure(rig: Rig) -> Section:
    """Drive all variants in turn, for some rounds."""
    with ExitStack() as stack:
        servers = [rig.ready(stack.enter_context(rig.start(variant))) for variant in COMPARED]
        for server in servers:
            rig.send(server, _share(server, rig.amounts.of(WARM_UP_REQUESTS)), path=server.variant.path)
        figures: dict[Variant, list[float]] = {variant: [] for variant in COMPARED}
        for number in range(rig.amounts.rounds):
            first = number % len(servers)
            for server in [*servers[first:], *servers[:first]]:
                figures[server.variant].append(_microseconds(rig, server))
        lost = {server.variant: _lost_spans(server) for server in servers}
        waited = servers[0].waited
    head = (CPU, "median", TIMES, ADDED, OF_SERVICE, LOST)
    method = f"{METHOD} The first server waited for its core {waited:.0%} as long as it ran, because others had it."
    rows = [_row(variant, figures, lost[variant]) for variant in COMPARED]
    return Section(
        "CPU per request", method, head, rows, _verdicts(figures, quiet=waited < MOST_WAITED), _short(figures)
    )


def _share(server: Server, count: int) -> int:
    return max(int(count * server.variant.share), 1)


def _microseconds(rig: Rig, server: Server) -> float:
    return microseconds(rig, server, _share(server, rig.amounts.requests), "200", {"path": server.variant.path})


def microseconds(rig: Rig, server: Server, count: int, status: str, order: Mapping[str, Any]) -> float:
    """Cost of one request, over `count`, all of which must be answered with `status`."""
    rig.send(server, _share(server, rig.amounts.of(WARM_AGAIN_REQUESTS)), **order)
    time.sleep(SETTLE_SECONDS)
    before = server.cpu_seconds
    statuses = rig.send(server, count, **order).statuses
    time.sleep(SETTLE_SECONDS)
    if statuses != {status: count}:
        msg = f"{server.variant.title} answered {statuses}"
        raise FailedError(msg)
    return (server.cpu_seconds - before) / count * 1e6


def _lost_spans(server: Server) -> str:
    """Spans that never left, where the server counts them: one that loses them is cheaper than it seems."""
    if not server.variant.counts_lost_spans:
        return "-"
    series = server.series()
    return f"{sum(series.get(LOST_SPANS % reason, 0) for reason in ('queue_full', 'export_failed')):.0f}"


def _times(figures: Figures, variant: Variant, base: Variant) -> Estimate:
    return estimate([one / other for one, other in zip(figures[variant], figures[base], strict=True)])


def _added(figures: Figures, variant: Variant) -> float:
    base = figures[variant.base or variant]
    return median(one - other for one, other in zip(figures[variant], base, strict=True))


def _row(variant: Variant, figures: Figures, lost: str) -> Row:
    microseconds = f"{median(figures[variant]):.1f}"
    if variant.base is None:
        return variant.title, microseconds, "1", "0", "-", lost
    of_service = "-" if variant.base is BARE else _times(figures, variant, SERVICE_10).text(2)
    added = f"{_added(figures, variant):.1f}"
    return variant.title, microseconds, _times(figures, variant, variant.base).text(2), added, of_service, lost


def _verdicts(figures: Figures, *, quiet: bool) -> list[Verdict]:
    verdicts = []
    for variant, most in MOST_TIMES_BARE.items():
        times = _times(figures, variant, variant.base or variant)
        target = f"{variant.title}: at most {most} times the CPU of the bare route"
        verdicts.append(Verdict(target, times.text(2), met=times.median <= most if quiet else None))
    times = _times(figures, CONVENTIONAL_10, SERVICE_10)
    target = f"{CONVENTIONAL_10.title}: at least {LEAST_TIMES_SERVICE:.0f} times the CPU of the whole service"
    verdicts.append(Verdict(target, times.text(1), met=times.median >= LEAST_TIMES_SERVICE if quiet else None))
    return verdicts


def _short(figures: Figures) -> str:
    times = _times(figures, CONVENTIONAL_10, SERVICE_10)
    more = _added(figures, CONVENTIONAL_10) / _added(figures, SERVICE_10)
    return (
        f"At 10 % sampling the conventional stack takes {times.median:.1f} times the CPU of the whole service, and "
        f"adds {more:.1f} times what the service adds to the bare route."
    )
