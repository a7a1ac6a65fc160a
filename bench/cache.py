"""What the component `cache` costs, on a throw-away Redis: hits, the redirect, start and memory."""

import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from statistics import median

from .environments import CACHE
from .processes import FailedError
from .report import WORDS, Row, Section, estimate
from .rig import Rig, Server
from .variants import CACHE_CALLS, NO_EXPORTER, SERVICE_10, SERVICE_CACHE, Variant

OK = 200
SETTLE_SECONDS = 0.4  # spans leave every 0.25 s
MOST_CPU_SECONDS, MOST_MIB = 1.0, 85.0
REQUESTS = 5_000
WAYS = {
    "redis_get": "redis-py: GET",
    "redis_get_decoded": "redis-py: GET, and the value from its JSON",
    "read_redis": "**`cache.read`, from Redis**",
    "read_memory": "**`cache.read`, from memory**",
}
MOST_TIMES, MOST_TIMES_OF_REDIRECT = 1.3, 1.25
PLAIN = replace(SERVICE_10, name="redirect", title="no component: links and limits in memory")
IN_MEMORY = replace(
    SERVICE_CACHE,
    name="redirect-cache",
    title="cache, both levels; limits in memory",
    settings={**SERVICE_CACHE.settings, "BENCH_LIMITS": "memory"},
)
EMITTED = replace(SERVICE_CACHE, name="redirect-emitted", title="cache, as emitted: limits in Redis")
REDIRECTS = (PLAIN, IN_MEMORY, EMITTED)
NO_SPANS = {NO_EXPORTER: "none"}
WITHOUT = replace(PLAIN, name="start", title="whole service", settings=NO_SPANS)
WITH = replace(EMITTED, name="start-cache", title="whole service with `cache`", settings=NO_SPANS)
CALLS_METHOD = (
    "Eight tasks of one service make each call in turn, interleaved. CPU is that of the service; Redis has another "
    "core. The ratio is computed within each round: the median, with the interval that holds the true one in 95 cases "
    "of 100."
)
REDIRECT_METHOD = (
    "`GET /r/abc` of the emitted service, 10 % sampled, through HTTP, 32 keep-alive connections in a closed loop. "
    "Visits are counted in memory. Ratios as above."
)
START_METHOD = (
    "From the start of the process to the first 200 of its readiness, and the resident set then and after redirects. "
    "No exporter. Rounds are interleaved; medians."
)
Figures = Mapping[str, Sequence[float]]


def measure(rig: Rig) -> Section:
    """All parts, one after the other."""
    return Section(
        "Cache", rig.setting(rig.redis.version, "redis", of=CACHE), parts=(_calls(rig), _redirect(rig), _start(rig))
    )


def _calls(rig: Rig) -> Section:
    figures: dict[str, list[float]] = {way: [] for way in WAYS}
    with rig.start(CACHE_CALLS) as server:
        rig.ready(server)
        for number in range(rig.amounts.few_rounds + rig.amounts.filling_rounds):
            for way, found in figures.items():
                spent = _of_calls(rig, server, way)
                if number >= rig.amounts.filling_rounds:
                    found.append(spent)
    head = ("One call", "CPU, us", "times redis-py with the value", f"at most {MOST_TIMES}")
    rows = [
        _row(WAYS[way], way, figures, "redis_get_decoded", MOST_TIMES if way.startswith("read") else None)
        for way in WAYS
    ]
    return Section("Hits", CALLS_METHOD, head, rows)


def _of_calls(rig: Rig, server: Server, way: str) -> float:
    count = max(rig.amounts.requests // 4, 8)
    before = server.cpu_seconds
    status, body = server.fetch(f"/calls/{way}/{count}")
    if status != OK:
        reason = f"answered {status} to {way}: {body}"
        raise server.failure(reason)
    return (server.cpu_seconds - before) / count * 1e6


def _redirect(rig: Rig) -> Section:
    figures: dict[str, list[float]] = {variant.name: [] for variant in REDIRECTS}
    with ExitStack() as stack:
        servers = {each.name: rig.ready(stack.enter_context(rig.start(each))) for each in REDIRECTS}
        for number in range(rig.amounts.rounds + rig.amounts.filling_rounds):
            for name, server in servers.items():
                spent = _of_redirects(rig, server)
                if number >= rig.amounts.filling_rounds:
                    figures[name].append(spent)
    head = ("The redirect", "CPU, us", "times in memory", f"at most {MOST_TIMES_OF_REDIRECT}")
    most = dict.fromkeys((IN_MEMORY.name, EMITTED.name), MOST_TIMES_OF_REDIRECT)
    rows = [_row(each.title, each.name, figures, PLAIN.name, most.get(each.name)) for each in REDIRECTS]
    return Section("The hot redirect", REDIRECT_METHOD, head, rows)


def _of_redirects(rig: Rig, server: Server) -> float:
    count = rig.amounts.requests
    before = server.cpu_seconds
    statuses = rig.send(server, count, path="/r/abc").statuses
    time.sleep(SETTLE_SECONDS)
    if statuses != {"302": count}:
        msg = f"redirects: {statuses}"
        raise FailedError(msg)
    return (server.cpu_seconds - before) / count * 1e6


def _row(title: str, name: str, figures: Figures, base: str, most: float | None) -> Row:
    times = estimate([spent / other for spent, other in zip(figures[name], figures[base], strict=True)])
    verdict = "-" if most is None else WORDS[times.median <= most]
    return title, f"{median(figures[name]):.1f}", times.text(2), verdict


def _start(rig: Rig) -> Section:
    figures: dict[Variant, list[tuple[float, float, float]]] = {WITHOUT: [], WITH: []}
    for _ in range(rig.amounts.few_rounds + rig.amounts.filling_rounds):
        for variant, found in figures.items():
            with rig.start(variant) as server:
                server.until_ready()
                cpu, resident = server.cpu_seconds, server.rss_mib
                rig.ready(server)
                rig.send(server, rig.amounts.of(REQUESTS), path="/r/abc")
                found.append((cpu, resident, server.rss_mib))
    head = ("Start and memory", "CPU, s", "MiB at the start", f"MiB after {REQUESTS:,} redirects", "limit")
    rows = []
    for variant, found in figures.items():
        cpu, start, later = (
            median(each[column] for each in found[rig.amounts.filling_rounds :]) for column in range(3)
        )
        limit = f"{MOST_CPU_SECONDS} s, {MOST_MIB:.0f} MiB" if variant is WITH else "-"
        rows.append((variant.title, f"{cpu:.2f}", f"{start:.1f}", f"{later:.1f}", limit))
    return Section("Start and memory with the cache", START_METHOD, head, rows)
