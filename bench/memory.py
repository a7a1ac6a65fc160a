"""Resident memory, and whether it grows with the requests answered."""

from itertools import pairwise

from .report import Row, Section, Verdict
from .rig import Rig
from .variants import BARE, SERVICE, Variant

VARIANTS = (BARE, SERVICE)
MARKS = (0, 20_000, 60_000, 100_000)  # requests answered when memory is read
MOST_MIB = 80.0
FLAT_MIB = 2.0  # from the second mark to the last: an allocator's slack, no leak's
METHOD = "Resident set after the start and after so many requests, every path distinct, in one process's life."


def measure(rig: Rig) -> Section:
    """One server after the other."""
    answered = [0, *(rig.amounts.of(mark) for mark in MARKS[1:])]
    figures = {variant: _resident(rig, variant, answered) for variant in VARIANTS}
    rows: list[Row] = [(variant.title, *(f"{mib:.1f}" for mib in marks)) for variant, marks in figures.items()]
    head = ("Resident memory, MiB", "start", *(f"after {mark:,}" for mark in answered[1:]))
    most = figures[SERVICE][-1]
    bare = figures[BARE][-1]
    short = f"After {answered[-1]:,} requests {most:.0f} MiB are resident (bare Starlette: {bare:.0f} MiB)."
    return Section("Memory", METHOD, head, rows, _verdicts(figures[SERVICE], answered), short)


def _resident(rig: Rig, variant: Variant, answered: list[int]) -> list[float]:
    with rig.start(variant) as server:
        server.until_ready()
        marks = [server.rss_mib]
        for before, mark in pairwise(answered):
            rig.send(server, mark - before)
            marks.append(server.rss_mib)
        return marks


def _verdicts(marks: list[float], answered: list[int]) -> list[Verdict]:
    most, growth = marks[-1], marks[-1] - marks[1]
    below = f"{SERVICE.title}: less than {MOST_MIB:.0f} MiB resident after {answered[-1]:,} requests"
    flat = f"{SERVICE.title}: grows by less than {FLAT_MIB:.0f} MiB from {answered[1]:,} to {answered[-1]:,} requests"
    return [
        Verdict(below, f"{most:.1f} MiB", met=most < MOST_MIB),
        Verdict(flat, f"{growth:+.1f} MiB", met=growth < FLAT_MIB),
    ]
