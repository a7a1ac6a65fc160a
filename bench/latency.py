"""Latency added to a request at a steady rate."""

from contextlib import ExitStack
from statistics import median

from .processes import FailedError
from .report import Row, Section, Verdict, percentile
from .rig import Rig, Server
from .variants import BARE, SERVICE, Variant

VARIANTS = (BARE, SERVICE)
RATE = 500.0
REQUESTS = 2000
WARM_UP_REQUESTS = 2000
QUIET_MS = 5.0  # p99 of what the difference is taken from
PERCENTILES = (50.0, 99.0)
MOST_ADDED_MS = 1.0
METHOD = (
    f"Open loop: {RATE:.0f} requests a second on a fixed schedule, {REQUESTS:,} a round, latency counted from the "
    "scheduled instant. Rounds are interleaved; medians over the rounds, and what is added is computed within each."
)

Figures = dict[Variant, list[list[float]]]


def measure(rig: Rig) -> Section:
    """Both servers in turn, for some rounds."""
    with ExitStack() as stack:
        servers = [stack.enter_context(rig.start(variant)).until_ready() for variant in VARIANTS]
        figures: Figures = {variant: [] for variant in VARIANTS}
        for server in servers:
            rig.send(server, rig.amounts.of(WARM_UP_REQUESTS))
        for _ in range(rig.amounts.few_rounds):
            for server in servers:
                figures[server.variant].append(milliseconds(rig, server))
    added = [f"{_added(figures, percent):.2f}" for percent in PERCENTILES]
    rows: list[Row] = [(variant.title, *_medians(figures[variant])) for variant in VARIANTS]
    adds = f"the whole service adds {added[0]} ms to the median and {added[1]} ms to the p99"
    short = f"At {RATE:.0f} requests a second {adds}." if is_quiet(figures[BARE]) else ""
    head = (f"Latency at {RATE:.0f} requests/s, ms", *(f"p{percent:.0f}" for percent in PERCENTILES))
    return Section("Latency", METHOD, head, [*rows, ("added", *added)], [_verdict(figures)], short)


def milliseconds(rig: Rig, server: Server) -> list[float]:
    """Latency of each request of one round, all of which must have succeeded."""
    count = rig.amounts.of(REQUESTS)
    answers = rig.send(server, count, rate=RATE)
    if answers.statuses != {"200": count}:
        msg = f"{server.variant.title} answered {answers.statuses}"
        raise FailedError(msg)
    return [latency * 1000 for latency in answers.latencies]


def added(before: list[list[float]], after: list[list[float]], percent: float) -> float:
    """Median over the rounds of the difference of a percentile."""
    rounds = zip(before, after, strict=True)
    return median(percentile(late, percent) - percentile(early, percent) for early, late in rounds)


def is_quiet(before: list[list[float]]) -> bool:
    """Whether the machine lets a difference of milliseconds be seen."""
    return median(percentile(values, 99) for values in before) < QUIET_MS


def _added(figures: Figures, percent: float) -> float:
    return added(figures[BARE], figures[SERVICE], percent)


def _medians(rounds: list[list[float]]) -> Row:
    return [f"{median(percentile(values, percent) for values in rounds):.2f}" for percent in PERCENTILES]


def _verdict(figures: Figures) -> Verdict:
    milliseconds_added = _added(figures, 99)
    target = f"{SERVICE.title}: adds less than {MOST_ADDED_MS:.0f} ms to the p99 at {RATE:.0f} requests/s"
    met = milliseconds_added < MOST_ADDED_MS if is_quiet(figures[BARE]) else None
    return Verdict(target, f"{milliseconds_added:.2f} ms", met)
