"""Resident memory, and whether it grows with the requests answered."""

from itertools import pairwise

from .report import Row, Section, Verdict
from .rig import Rig
from .variants import BARE, SERVICE_10, Variant

VARIANTS = (BARE, SERVICE_10)
MARKS = (0, 20_000, 60_000, 100_000)  # requests answered when memory is read
MOST_MIB = 80.0
FLAT_MIB = 2.0  # from the second mark to the last: an allocator's slack, no leak's
METHOD = "Resident set after the start and after so many requests, every path distinct, in one process's life."


def measure(rig: Rig) -> Section:
    """One server after the other."""
    figures = {variant: _marks(rig, variant) for variant in VARIANTS}
    rows: list[Row] = [(variant.title, *(f"{mib:.1f}" for mib in marks)) for variant, marks in figures.items()]
    head = ("Resident memory, MiB", "start", *(f"after {mark:,}" for mark in MARKS[1:]))
    return Section("Memory", METHOD, head, rows, _verdicts(figures[SERVICE_10]))


def _marks(rig: Rig, variant: Variant) -> list[float]:
    with rig.start(variant) as server:
        server.until_ready()
        marks = [server.rss_mib]
        for answered, mark in pairwise(MARKS):
            rig.send(server, mark - answered)
            marks.append(server.rss_mib)
        return marks


def _verdicts(marks: list[float]) -> list[Verdict]:
    most, growth = marks[-1], marks[-1] - marks[1]
    below = f"{SERVICE_10.title}: less than {MOST_MIB:.0f} MiB resident after {MARKS[-1]:,} requests"
    flat = f"{SERVICE_10.title}: grows by less than {FLAT_MIB:.0f} MiB from {MARKS[1]:,} to {MARKS[-1]:,} requests"
    return [
        Verdict(below, f"{most:.1f} MiB", met=most < MOST_MIB),
        Verdict(flat, f"{growth:+.1f} MiB", met=growth < FLAT_MIB),
    ]
