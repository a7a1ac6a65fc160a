"""Calls of the database in one service: by the component, by SQLAlchemy without it, and by the driver alone."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from . import instructions
from .report import WORDS, Row, Section, estimate
from .rig import Rig, Server
from .variants import DATABASE_CALLS

OK = 200
BATCH = 100
SETTLE_SECONDS = 0.3  # spans leave every 0.25 s
COUNTED_CALLS = 100
MOST_WAITED = 0.2  # beyond it, times are somebody else's
METHOD = (
    "Eight tasks of one service make each call in turn, interleaved; one of ten calls belongs to a sampled trace. "
    "Unobserved means SQLAlchemy's own engine and sessions in the same process, with as many connections. CPU is that "
    "of the service, medians over the rounds; PostgreSQL's own is beside it. Instructions are counted by callgrind on "
    "the event loop. Calls a second and core: one second divided by the CPU time of the service."
)


@dataclass(frozen=True)
class Call:
    """One way to the database; `share` scales how often it is called, so that a slow one does not take all the time."""

    way: str
    title: str
    share: float = 0.25
    rows: int = 1


@dataclass(frozen=True)
class Target:
    """How many times the cost of another call a call may take at most."""

    text: str
    call: str
    base: str
    most: float


CALLS = (
    Call("asyncpg", "asyncpg, its pool", 0.5),
    Call("asyncpg_kept", "asyncpg, its pool without the reset of a connection", 0.5),
    Call("core", "Core statement, autocommit, unobserved"),
    Call("read_one", "**`database.read_one`**", 0.5),
    Call("orm", "ORM select in a transaction, unobserved", 0.15),
    Call("transaction_orm", "**ORM select in `transaction()`**", 0.15),
    Call("core_insert", "insert by Core, unobserved", 0.15),
    Call("transaction_core_insert", "**insert by Core in `transaction()`**", 0.15),
    Call("orm_insert", "insert by ORM, unobserved", 0.15),
    Call("transaction_orm_insert", "**insert by ORM in `transaction()`**", 0.15),
    Call("transaction_batch_insert", f"**insert of {BATCH} rows by one statement in `transaction()`**", 0.1, BATCH),
)
TARGETS = (
    Target("`read_one`: at most 1.08 times the same Core statement", "read_one", "core", 1.08),
    Target("`read_one`: at most 1.5 times the raw pool of asyncpg", "read_one", "asyncpg", 1.5),
    Target("ORM select in `transaction()`: at most 1.08 times the unobserved ORM", "transaction_orm", "orm", 1.08),
)
HEAD = ("One call", "CPU, us", "PostgreSQL, us", "instructions, thousands", "calls/s and core", "rows/s and core")

Figures = Mapping[str, Sequence[tuple[float, float]]]


def measure(rig: Rig) -> tuple[Section, Section]:
    """The calls, and their targets."""
    figures: dict[str, list[tuple[float, float]]] = {call.way: [] for call in CALLS}
    with rig.start(DATABASE_CALLS) as server:
        rig.ready(server)
        for number in range(rig.amounts.few_rounds + rig.amounts.filling_rounds):
            first = number % len(CALLS)
            for call in [*CALLS[first:], *CALLS[:first]]:
                spent = _microseconds(rig, server, call)
                if number >= rig.amounts.filling_rounds:
                    figures[call.way].append(spent)
        quiet = server.waited < MOST_WAITED
    counts = {} if instructions.missing() else _counts(rig)
    rows = [_row(call, figures[call.way], counts) for call in CALLS]
    head = ("Target", "CPU", "instructions", "verdict")
    targets = [_verdict(target, figures, counts, quiet=quiet) for target in TARGETS]
    method = (
        "A ratio of CPU times is computed within each round: the median, with the interval that holds the true one in "
        "95 cases of 100. Where the machine is busy, the instructions decide."
    )
    return Section("Calls", METHOD, HEAD, rows), Section("Targets of the database", method, head, targets)


def _call(server: Server, way: str, count: int) -> None:
    status, body = server.fetch(f"/calls/{way}/{count}")
    if status != OK:
        reason = f"answered {status} to {way}: {body}"
        raise server.failure(reason)


def _microseconds(rig: Rig, server: Server, call: Call) -> tuple[float, float]:
    """What one call costs the service, and what it costs PostgreSQL."""
    count = max(int(rig.amounts.requests * call.share), 1)
    before = server.cpu_seconds, rig.postgresql.cpu_seconds
    _call(server, call.way, count)
    time.sleep(SETTLE_SECONDS)
    after = server.cpu_seconds, rig.postgresql.cpu_seconds
    service, database = ((late - early) / count * 1e6 for early, late in zip(before, after, strict=True))
    return service, database


def _counts(rig: Rig) -> Mapping[str, float]:
    """Thousands of instructions of one call, on the event loop."""
    counts = {}
    with instructions.counted(rig, DATABASE_CALLS, rig.cores.server) as (server, dump):
        for call in CALLS:
            _call(server, call.way, COUNTED_CALLS)  # what is compiled and cached at first is not counted
            dump()
            _call(server, call.way, COUNTED_CALLS)
            counts[call.way] = dump()[instructions.LOOP_THREAD] / COUNTED_CALLS / 1000
    return counts


def _row(call: Call, spent: Sequence[tuple[float, float]], counts: Mapping[str, float]) -> Row:
    service, database = median(each[0] for each in spent), median(each[1] for each in spent)
    counted = f"{counts[call.way]:.0f}" if counts else "-"
    rows = f"{1e6 / service * call.rows:,.0f}"
    return call.title, f"{service:.1f}", f"{database:.1f}", counted, f"{1e6 / service:,.0f}", rows


def _verdict(target: Target, figures: Figures, counts: Mapping[str, float], *, quiet: bool) -> Row:
    pairs = zip(figures[target.call], figures[target.base], strict=True)
    times = estimate([call[0] / base[0] for call, base in pairs])
    counted = counts[target.call] / counts[target.base] if counts else None
    decisive = times.median if quiet else counted
    met = None if decisive is None else decisive <= target.most
    return target.text, times.text(2), "-" if counted is None else f"{counted:.2f}", WORDS[met]
