"""`docs/scaling.md`: the arithmetic of the URL shortener, from the figures of `docs/benchmarks.md`."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from pathlib import Path

from .report import table

READS, WRITES, BATCH = 100_000, 10_000, 100  # a second
EDGE_HITS = 0.9
ZONES = 3  # of which one may be lost: the others then carry everything
HEAD = ("What is needed", "arithmetic", "cores of the service", "with a lost zone", "cores of PostgreSQL")


@dataclass(frozen=True)
class Cost:
    """CPU time of one request, in microseconds."""

    service: float
    database: float

    @property
    def rate(self) -> int:
        """Requests a second and core, as the page of the benchmark rounds them."""
        return round(1e6 / self.service)


@dataclass(frozen=True)
class Costs:
    """What the requests of the URL shortener cost."""

    read: Cost
    redirect: Cost
    create: Cost
    batch: Cost

    @classmethod
    def of(cls, page: str) -> "Costs":
        """Read from the page. Raises `KeyError` if a row is missing."""
        section = page.partition("### URL shortener")[2].partition("\n#")[0]
        rows = re.findall(r"^\| (.+?) +\| +([\d,]+) \| +([\d,]+) \|", section, re.MULTILINE)
        found = {title: Cost(_number(service), _number(database)) for title, service, database in rows}
        return cls(
            found["read of a link"], found["redirect, with its count"], found["create"], found[f"create {BATCH}"]
        )


def arithmetic(page: Path) -> str:
    """Both tables, as Markdown. `page` is that of the benchmark."""
    costs = Costs.of(page.read_text(encoding="utf-8"))
    return "\n\n".join([_measured(costs), table(HEAD, _needs(costs))])


def _measured(costs: Costs) -> str:
    rows = [
        ("read of a link (R)", *_cells(costs.read), "-"),
        ("redirect that counts its visit at once (D)", *_cells(costs.redirect), "-"),
        ("create one link (C)", *_cells(costs.create), f"{costs.create.rate:,}"),
        (f"create {BATCH} links in one request (B)", *_cells(costs.batch), f"{costs.batch.rate * BATCH:,}"),
    ]
    return table(("Measured", "service, us", "PostgreSQL, us", "requests/s and core", "rows/s and core"), rows)


def _cells(cost: Cost) -> Sequence[str]:
    return f"{cost.service:.0f}", f"{cost.database:.0f}", f"{cost.rate:,}"


def _needs(costs: Costs) -> Sequence[Sequence[str]]:
    origin = round(READS * (1 - EDGE_HITS))
    return [
        _need(f"{READS:,} redirects/s, each counted at once", "D", READS, costs.redirect),
        _need(f"{READS:,} redirects/s, counted later", "R", READS, costs.read),
        _need(f"the same behind an edge cache that answers {EDGE_HITS:.0%}", "R", origin, costs.read),
        _need(f"{WRITES:,} new links/s, one a request", "C", WRITES, costs.create),
        _need(f"{WRITES:,} new links/s, {BATCH} a request", "B", WRITES // BATCH, costs.batch),
    ]


def _need(title: str, name: str, requests: int, cost: Cost) -> Sequence[str]:
    cores = requests * cost.service / 1e6
    spare = ceil(cores * ZONES / (ZONES - 1))
    return (
        title,
        f"{requests:,} / {name}",
        f"{ceil(cores)}",
        f"{spare}",
        f"{requests * cost.database / 1e6:.1f}",
    )


def _number(text: str) -> float:
    return float(text.replace(",", ""))
