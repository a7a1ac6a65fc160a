"""The page on scaling: its figures are those of the benchmark, and its arithmetic is right."""

import re
from math import ceil

import pytest
from rulebook import ROOT

from bench.scaling import arithmetic
from bench.summary import between_markers

BENCHMARKS, SCALING = ROOT / "docs/benchmarks.md", ROOT / "docs/scaling.md"
ROW = r"^\| {title} +\|(.+)\|$"


def _cells(path_text: str, title: str) -> list[str]:
    found = re.search(ROW.format(title=re.escape(title)), path_text, re.MULTILINE)
    assert found is not None, title
    return [cell.strip() for cell in found[1].split("|")]


def _number(cell: str) -> float:
    return float(cell.replace(",", ""))


def test_the_tables_are_those_of_the_benchmark() -> None:
    """`python -m bench --only database --write` writes both pages."""
    assert between_markers(SCALING) == arithmetic(BENCHMARKS)


@pytest.mark.parametrize(
    ("needed", "requests", "request_"),
    [
        ("100,000 redirects/s, each counted at once", 100_000, "redirect, with its count"),
        ("100,000 redirects/s, counted later", 100_000, "read of a link"),
        ("the same behind an edge cache that answers 90%", 10_000, "read of a link"),
        ("10,000 new links/s, one a request", 10_000, "create"),
        ("10,000 new links/s, 100 a request", 100, "create 100"),
    ],
)
def test_the_cores_follow_from_the_measured_times(needed: str, requests: int, request_: str) -> None:
    """Requests a second times the CPU time of one; a third of the cores may be lost."""
    service, database, *_ = map(_number, _cells(BENCHMARKS.read_text("utf-8"), request_)[:2])
    _, cores, spare, of_database = _cells(SCALING.read_text("utf-8"), needed)

    assert int(cores) == ceil(requests * service / 1_000_000)
    assert int(spare) == ceil(requests * service / 1_000_000 * 3 / 2)
    assert of_database == f"{requests * database / 1_000_000:.1f}"


def test_the_sentences_are_right() -> None:
    """Minutes of the budget, names, the probability that one is taken, light in glass, two regions."""
    text = SCALING.read_text("utf-8")
    links = 10_000 * 86_400 * 365

    for figure in (
        f"{30 * 24 * 60 * 0.0001:.2f} minutes in a month of 30 days",
        f"8 failovers of 30 s in a month spend {8 * 30 / 60:.2f} minutes",
        f"2^48 = {2**48:,} names",
        f"{links:,} links after a year",
        f"a probability of {links / 2**48:.2%}".replace("%", " %"),
        f"Two more bytes make it {2**16:,} times rarer",
        f"over 6,000 km a request takes {2 * 6_000 / 200_000 * 1000:.0f} ms",
        f"both down {0.001**2:.4%} of the time".replace("%", " %"),
    ):
        assert figure in text, figure
