"""CPU per request: what a request costs the server's process, all threads counted, export and log writing included."""

import time
from collections.abc import Sequence
from contextlib import ExitStack
from statistics import median

from .processes import FailedError
from .report import Row, Section, Verdict, spread
from .rig import Rig, Server
from .variants import BARE, CONVENTIONAL_10, CONVENTIONAL_100, SERVICE_1, SERVICE_10, SERVICE_100, Variant

VARIANTS = (BARE, SERVICE_1, SERVICE_10, SERVICE_100, CONVENTIONAL_10, CONVENTIONAL_100)
MOST_TIMES_BARE = {SERVICE_10: 2.0, SERVICE_100: 3.2}
LEAST_TIMES_SERVICE = {CONVENTIONAL_10: (SERVICE_10, 8.0)}
WARM_UP_REQUESTS = 2000
MOST_WAITED = 0.2  # beyond it, caches are somebody else's half of the time
SETTLE_SECONDS = 0.5  # spans leave every 0.25 s, log lines every 0.05 s
LOST_SPANS = 'telemetry_dropped_total{reason="%s",signal="traces"}'
METHOD = (
    "Closed loop, 32 keep-alive connections, every path distinct. Figure: user and system time of the server's "
    "process, all its threads included, divided by the requests answered; read when the spans and log lines of these "
    "requests have left. Rounds are interleaved; a ratio is computed within each round, and the median of the ratios "
    "is shown. Added is what remains without (a), in medians. (c) does not count the spans it loses."
)

Figures = dict[Variant, list[float]]


def measure(rig: Rig) -> Section:
    """Run all variants in turn, for some rounds."""
    with ExitStack() as stack:
        servers = [stack.enter_context(rig.start(variant)).until_ready() for variant in VARIANTS]
        figures: Figures = {variant: [] for variant in VARIANTS}
        for _ in range(rig.amounts.rounds):
            for server in servers:
                figures[server.variant].append(microseconds(rig, server))
        lost = {server.variant: lost_spans(server) for server in servers}
        waited = servers[0].waited
    rows = [_row(variant, figures, lost[variant]) for variant in VARIANTS]
    head = ("CPU per request, us", "min", "median", "max", "added", "times (a)", "times (b) 10 %", "spans lost")
    method = f"{METHOD} {BARE.title} waited for its core {waited:.0%} as long as it ran, because others had it."
    return Section("CPU per request", method, head, rows, _verdicts(figures, quiet=waited < MOST_WAITED))


def microseconds(rig: Rig, server: Server) -> float:
    """Cost of one request, over many."""
    count = int(rig.amounts.requests * server.variant.share)
    rig.send(server, int(WARM_UP_REQUESTS * server.variant.share))
    time.sleep(SETTLE_SECONDS)
    before = server.cpu_seconds
    statuses = rig.send(server, count).statuses
    time.sleep(SETTLE_SECONDS)
    if statuses != {"200": count}:
        msg = f"{server.variant.title} answered {statuses}"
        raise FailedError(msg)
    return (server.cpu_seconds - before) / count * 1e6


def lost_spans(server: Server) -> str:
    """Spans that never left, where the server counts them: one that loses them is cheaper than it seems."""
    if not server.variant.name.startswith("b"):
        return "-"
    series = server.series()
    return f"{sum(series.get(LOST_SPANS % reason, 0) for reason in ('queue_full', 'export_failed')):.0f}"


def ratio(figures: Figures, variant: Variant, base: Variant) -> float:
    """Median of the ratios of the rounds."""
    return median(one / other for one, other in zip(figures[variant], figures[base], strict=True))


def _row(variant: Variant, figures: Figures, lost: str) -> Row:
    ratios = [f"{ratio(figures, variant, base):.2f}" for base in (BARE, SERVICE_10)]
    added = median(figures[variant]) - median(figures[BARE])
    return variant.title, *spread(figures[variant], 0), f"{added:.0f}", *ratios, lost


def _verdicts(figures: Figures, *, quiet: bool) -> Sequence[Verdict]:
    verdicts = []
    for variant, most in MOST_TIMES_BARE.items():
        times = ratio(figures, variant, BARE)
        target = f"{variant.title}: at most {most} times the CPU of bare Starlette"
        verdicts.append(Verdict(target, f"{times:.2f}", met=times <= most if quiet else None))
    for variant, (base, least) in LEAST_TIMES_SERVICE.items():
        times = ratio(figures, variant, base)
        target = f"{variant.title}: at least {least:.0f} times the CPU of {base.title}"
        verdicts.append(Verdict(target, f"{times:.1f}", met=times >= least if quiet else None))
    return verdicts
