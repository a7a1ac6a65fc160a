"""What the component `database` costs, on a throw-away PostgreSQL: calls, start, memory, and the URL shortener."""

from dataclasses import replace
from statistics import median

from . import database_calls, shortener
from .report import Row, Section
from .rig import Rig
from .variants import LINK, SERVICE_DATABASE, SERVICE_PLAIN, Variant

MOST_CPU_SECONDS = 1.6
MOST_MIB = 110.0
REQUESTS = 5_000
WITHOUT = replace(SERVICE_PLAIN, name="without", title="whole service", path=LINK, stores=True)
WITH = replace(
    SERVICE_DATABASE, name="with", title="whole service with `database`", settings=SERVICE_PLAIN.settings, stores=False
)
HEAD = ("Start and memory", "CPU, s", "MiB at the start", f"MiB after {REQUESTS:,} requests", "limit")
METHOD = (
    "From the start of the process to the first 200 of its readiness, and the resident set then and after reads of a "
    "link (of one in memory, without the component). No exporter. Rounds are interleaved; medians."
)


def measure(rig: Rig) -> Section:
    """All parts, one after the other."""
    calls, targets = database_calls.measure(rig)
    parts = (calls, targets, shortener.measure(rig), _start(rig))
    return Section("Database", rig.setting(rig.postgresql.version, "sqlalchemy", "asyncpg"), parts=parts)


def _start(rig: Rig) -> Section:
    figures: dict[Variant, list[tuple[float, float, float]]] = {WITHOUT: [], WITH: []}
    for _ in range(rig.amounts.few_rounds + rig.amounts.filling_rounds):
        for variant, found in figures.items():
            found.append(_once(rig, variant))
    rows = [_row(variant, found[rig.amounts.filling_rounds :]) for variant, found in figures.items()]
    return Section("Start and memory with the component", METHOD, HEAD, rows)


def _once(rig: Rig, variant: Variant) -> tuple[float, float, float]:
    with rig.start(variant) as server:
        server.until_ready()
        cpu, resident = server.cpu_seconds, server.rss_mib
        rig.ready(server)
        rig.send(server, rig.amounts.of(REQUESTS), path=variant.path)
        return cpu, resident, server.rss_mib


def _row(variant: Variant, found: list[tuple[float, float, float]]) -> Row:
    cpu, start, later = (median(each[column] for each in found) for column in range(3))
    limit = f"{MOST_CPU_SECONDS} s, {MOST_MIB:.0f} MiB" if variant is WITH else "-"
    return variant.title, f"{cpu:.2f}", f"{start:.1f}", f"{later:.1f}", limit
