"""Start to ready: from the start of the interpreter to the first 200."""

import time
from statistics import median

from .report import Row, Section, Verdict
from .rig import Rig
from .variants import BARE, CONVENTIONAL, SERVICE, SERVICE_PLAIN, Variant

VARIANTS = (BARE, SERVICE_PLAIN, SERVICE, CONVENTIONAL)
MOST_CPU_SECONDS = 1.0
METHOD = (
    "From the start of the process to the first 200 of its readiness (of the item's route where there is none), byte "
    "code compiled beforehand. Rounds are interleaved; medians."
)

Figures = dict[Variant, list[tuple[float, float]]]


def measure(rig: Rig) -> Section:
    """Start all of them in turn, for some rounds; the first one only fills caches."""
    figures: Figures = {variant: [] for variant in VARIANTS}
    for _ in range(rig.amounts.few_rounds + rig.amounts.filling_rounds):
        for variant in VARIANTS:
            figures[variant].append(_start(rig, variant))
    medians = {variant: _medians(values[rig.amounts.filling_rounds :]) for variant, values in figures.items()}
    rows: list[Row] = [(variant.title, f"{cpu:.2f}", f"{wall:.2f}") for variant, (cpu, wall) in medians.items()]
    verdicts = [_verdict(variant, medians[variant][0]) for variant in (SERVICE_PLAIN, SERVICE)]
    cpu, bare = medians[SERVICE][0], medians[BARE][0]
    short = f"The whole service is ready after {cpu:.2f} s of CPU (bare Starlette: {bare:.2f} s)."
    return Section("Start to ready", METHOD, ("Start to ready, s", "CPU", "wall"), rows, verdicts, short)


def _start(rig: Rig, variant: Variant) -> tuple[float, float]:
    with rig.start(variant) as server:
        server.until_ready()
        return server.cpu_seconds, time.perf_counter() - server.started


def _medians(values: list[tuple[float, float]]) -> tuple[float, float]:
    return median(cpu for cpu, _ in values), median(wall for _, wall in values)


def _verdict(variant: Variant, seconds: float) -> Verdict:
    target = f"{variant.title}: start to ready in less than {MOST_CPU_SECONDS:.1f} s of CPU"
    return Verdict(target, f"{seconds:.2f} s", met=seconds < MOST_CPU_SECONDS)
