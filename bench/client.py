"""What the component `http_client` costs: a call, start and memory."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from statistics import median

from . import instructions
from .report import WORDS, Row, Section, estimate
from .rig import Rig, Server
from .variants import CLIENT_CALLS, NO_EXPORTER, SERVICE_10

OK = 200
COUNTED_CALLS = 100
MOST_TIMES, MOST_CPU_SECONDS, MOST_MIB = 1.3, 0.9, 80.0
MOST_WAITED = 0.2  # beyond it, times are somebody else's
WAYS = {"bare": "httpx2.AsyncClient, with its default timeouts", "component": "**`HTTP_CLIENT.of(request)[...]`**"}
NO_SPANS = {NO_EXPORTER: "none"}
WITHOUT = replace(SERVICE_10, name="start", title="whole service", settings=NO_SPANS)
WITH = replace(CLIENT_CALLS, name="start-client", title="whole service with `http_client`", settings=NO_SPANS)
CALLS_METHOD = (
    "Eight tasks of one service post a small document in turn, interleaved; the answer is short, from a server on "
    "another core. One of ten calls belongs to a sampled trace. All policies are the defaults. CPU is that of the "
    "service, medians over the rounds; the ratio is computed within each round, with the interval that holds the true "
    "one in 95 cases of 100. Instructions are counted by callgrind on the event loop; where the machine is busy, they "
    "decide."
)
START_METHOD = (
    "From the start of the process to the first 200 of its readiness, and the resident set then. One dependency, no "
    "exporter. Rounds are interleaved; medians."
)
Figures = Mapping[str, Sequence[float]]


def measure(rig: Rig) -> Section:
    """Both parts."""
    return Section("HTTP client", rig.environments.setting, parts=(_calls(rig), _start(rig)))


def _calls(rig: Rig) -> Section:
    figures: dict[str, list[float]] = {way: [] for way in WAYS}
    with rig.start(CLIENT_CALLS) as server:
        rig.ready(server)
        for number in range(rig.amounts.few_rounds + rig.amounts.filling_rounds):
            for way, found in figures.items():
                before = server.cpu_seconds
                count = max(rig.amounts.requests // 4, 8)
                _call(server, way, count)
                if number >= rig.amounts.filling_rounds:
                    found.append((server.cpu_seconds - before) / count * 1e6)
        quiet = server.waited < MOST_WAITED
    counted = rig.amounts.requests >= COUNTED_CALLS and not instructions.missing()
    counts = _counts(rig) if counted else {}
    head = ("One call", "CPU, us", "times bare", "instructions, thousands", "times bare", f"at most {MOST_TIMES}")
    return Section("Calls", CALLS_METHOD, head, [_row(way, figures, counts, quiet=quiet) for way in WAYS])


def _call(server: Server, way: str, count: int) -> None:
    status, body = server.fetch(f"/calls/{way}/{count}")
    if status != OK:
        reason = f"answered {status} to {way}: {body}"
        raise server.failure(reason)


def _counts(rig: Rig) -> Mapping[str, float]:
    """Thousands of instructions of one call, on the event loop."""
    counts = {}
    with instructions.counted(rig, CLIENT_CALLS, rig.cores.server) as (server, dump):
        for way in WAYS:
            _call(server, way, COUNTED_CALLS)  # what is compiled and cached at first is not counted
            dump()
            _call(server, way, COUNTED_CALLS)
            counts[way] = dump()[instructions.LOOP_THREAD] / COUNTED_CALLS / 1000
    return counts


def _row(way: str, figures: Figures, counts: Mapping[str, float], *, quiet: bool) -> Row:
    times = estimate([spent / other for spent, other in zip(figures[way], figures["bare"], strict=True)])
    counted = counts[way] / counts["bare"] if counts else None
    decisive = times.median if quiet else counted
    verdict = "-" if way == "bare" else WORDS[None if decisive is None else decisive <= MOST_TIMES]
    shown = (f"{counts[way]:.0f}", f"{counted:.2f}") if counts else ("-", "-")
    return WAYS[way], f"{median(figures[way]):.1f}", times.text(2), *shown, verdict


def _start(rig: Rig) -> Section:
    variants = (WITHOUT, WITH)
    figures: dict[str, list[tuple[float, float]]] = {variant.name: [] for variant in variants}
    for number in range(rig.amounts.few_rounds + rig.amounts.filling_rounds):
        for variant in variants:
            with rig.start(variant) as server:
                server.until_ready()
                if number >= rig.amounts.filling_rounds:
                    figures[variant.name].append((server.cpu_seconds, server.rss_mib))
    rows = []
    for variant in variants:
        cpu, resident = (median(each[column] for each in figures[variant.name]) for column in range(2))
        limit = f"{MOST_CPU_SECONDS} s, {MOST_MIB:.0f} MiB" if variant is WITH else "-"
        rows.append((variant.title, f"{cpu:.2f}", f"{resident:.1f}", limit))
    return Section(
        "Start and memory with the client", START_METHOD, ("Start and memory", "CPU, s", "MiB", "limit"), rows
    )
