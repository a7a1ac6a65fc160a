"""Rows: four times the load that the service sustains, with default settings.

First the rate that is sustained, and how fast answers are without load; then the overload in an open loop, and at last
the same light load again.
"""

import asyncio
import json
import sys
import time
from bisect import bisect_left
from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple

from bench.report import percentile

from .expectations import counted, holds, logged, number, probes_answer, saw, took
from .row import Expectation, Row
from .trial import Trial
from .wire import ask, head

FACTOR = 4
CLOSED_CLIENTS = 60  # more than the thread pool has threads
CLOSED_SECONDS = 2.0
LIGHT_SHARE = 0.25
LIGHT_SECONDS = 2.0
SHED_SECONDS = 1.0  # the default of the setting
UNLOADED_FACTOR = 5
RECOVERY_SECONDS = 2.0
PERCENTILES = (50, 95, 99)
OK, SHED = 200, 503
BUCKETS = "http_server_request_duration_seconds_bucket"


class Answer(NamedTuple):
    """One answer."""

    due: float
    seconds: float
    status: int


def overload(target: str, *, kept: bool) -> Callable[[Trial], Awaitable[None]]:
    """Find the sustained rate of `target`, and send four times as much for `size` seconds."""

    async def send(trial: Trial) -> None:
        sustained = await _sustained(trial, target)
        light = await _load(trial, target, sustained * LIGHT_SHARE, LIGHT_SECONDS, kept=kept)
        before = await _buckets(trial, target)
        heavy = await _load(trial, target, sustained * FACTOR, trial.size, kept=kept)
        after = await _buckets(trial, target)
        again = await _load(trial, target, sustained * LIGHT_SHARE, LIGHT_SECONDS + RECOVERY_SECONDS, kept=kept)
        accepted = [answer.seconds for answer in heavy if answer.status == OK]
        recovered = [answer for answer in again if answer.due >= RECOVERY_SECONDS]
        for answer in heavy:
            trial.saw(answer.status or "no answer")
        trial.measured |= {
            "sustained requests/s": sustained,
            "unloaded p99": percentile([answer.seconds for answer in light], 99),
            "accepted": len(accepted),
            "accepted p99": percentile(accepted, 99),
            "buckets between clients and histogram": _distance(heavy, after, before),
            "recovered p99": percentile([answer.seconds for answer in recovered], 99),
            "refused after recovery": sum(answer.status != OK for answer in recovered),
        }

    return send


async def _sustained(trial: Trial, target: str) -> float:
    """Requests per second that clients get which wait for their answers."""
    end = time.monotonic() + CLOSED_SECONDS
    served = 0

    async def client() -> None:
        nonlocal served
        while time.monotonic() < end:
            reply = await ask(trial.service.port, head(target, connection="close"))
            served += reply.status == OK

    began = time.monotonic()
    await asyncio.gather(*(client() for _ in range(CLOSED_CLIENTS)))
    return served / (time.monotonic() - began)


async def _load(trial: Trial, target: str, rate: float, seconds: float, *, kept: bool) -> Sequence[Answer]:
    words = (trial.service.port, target, rate, seconds, "kept" if kept else "new")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "faults.open_loop", *map(str, words)),
        stdout=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    try:
        output, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return [Answer(*answer) for answer in json.loads(output)]


async def _buckets(trial: Trial, target: str) -> dict[float, float]:
    """The counts of the histogram by the upper limit of the bucket, over all statuses."""
    scrape, found = await trial.scrape(), dict[float, float]()
    for sample in scrape.named(BUCKETS):
        if sample.labels["http_route"] == target.partition("?")[0]:
            bound = float(sample.labels["le"])
            found[bound] = found.get(bound, 0.0) + sample.value
    return found


def _distance(heavy: Sequence[Answer], after: dict[float, float], before: dict[float, float]) -> float:
    """How many buckets a percentile of the clients is away from that of the histogram, at most."""
    bounds = sorted(after)
    counts = [after[bound] - before.get(bound, 0.0) for bound in bounds]
    seen = [answer.seconds for answer in heavy if answer.status]
    return max(
        abs(bisect_left(counts, counts[-1] * percent / 100) - bisect_left(bounds, percentile(seen, percent)))
        for percent in PERCENTILES
    )


def _accepted_in_time() -> Expectation:
    def limit(trial: Trial) -> float:
        return UNLOADED_FACTOR * trial.measured.get("unloaded p99", 0.0) + SHED_SECONDS

    return holds(
        f"p99 of accepted requests below {UNLOADED_FACTOR} times the unloaded one and {SHED_SECONDS:g} s",
        lambda trial: f"{trial.measured.get('accepted p99', 0.0):.3f} s, the limit being {limit(trial):.3f} s",
        lambda trial: 0 < trial.measured.get("accepted p99", 0.0) <= limit(trial),
    )


def _recovers() -> Expectation:
    def ratio(trial: Trial) -> float:
        return trial.measured.get("recovered p99", 0.0) / trial.measured.get("unloaded p99", 1.0)

    return number(f"p99 after {RECOVERY_SECONDS:g} s, in unloaded ones", ratio, 0, 2)


def _row(name: str, target: str, what: str, *, kept: bool) -> Row:
    connections = "kept connections" if kept else "new connections"
    return Row(
        name=name,
        item=8,
        sent=f"{FACTOR} times the sustained rate for {{size}} s on {connections}, to a handler that {what}",
        send=overload(target, kept=kept),
        expect=[
            saw(str(OK)),
            saw(str(SHED)),
            holds("every client gets an answer", lambda t: dict(t.clients), lambda t: not t.clients["no answer"]),
            _accepted_in_time(),
            took("buckets between clients and histogram", 1),
            took("refused after recovery", 0),
            _recovers(),
            counted("http_server_shed_requests_total"),
            counted("slo_events_total", slo="availability", outcome="bad"),
            logged("service.shedding_started", 1, 3),
            probes_answer(),
        ],
        short=5,
        long=30,
        alone=True,
    )


ROWS = [
    _row("overload, CPU", "/faults/burn", "burns 20 ms of CPU", kept=False),
    _row("overload, CPU, kept", "/faults/burn", "burns 20 ms of CPU", kept=True),
    _row("overload, threads", "/faults/thread?seconds=0.2", "waits for 200 ms in a thread", kept=False),
    _row("overload, threads, kept", "/faults/thread?seconds=0.2", "waits for 200 ms in a thread", kept=True),
]
