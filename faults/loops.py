"""Rows: the event loop is blocked, and requests wait for it."""

import asyncio
import time

from .expectations import counted, logged, saw, saw_only, took
from .row import Row
from .trial import Trial

BLOCKED_SECONDS = 1.0
STALL_SECONDS = 0.4
BUCKET = "http_server_request_duration_seconds_bucket"


async def wait_behind(trial: Trial) -> None:
    """Requests that arrive while the loop is blocked by another one."""
    blocking = asyncio.create_task(trial.get(f"/faults/block?seconds={BLOCKED_SECONDS}"))
    await trial.until_active(1)
    began = time.monotonic()
    await asyncio.gather(*(trial.get("/faults/none") for _ in range(trial.size)))
    trial.measured["waited"] = time.monotonic() - began
    await blocking


async def stall(trial: Trial) -> None:
    """One request that blocks the loop for a moment."""
    await trial.get(f"/faults/block?seconds={STALL_SECONDS}")


ROWS = [
    Row(
        name="behind a blocked loop",
        item=6,
        sent=f"{{size}} requests while the event loop is blocked for {BLOCKED_SECONDS:g} s",
        send=wait_behind,
        expect=[
            saw_only("200"),
            took("waited", 5, 0.5),
            counted(BUCKET, 0, 0, http_route="/faults/none", le="0.25"),
            counted(BUCKET, 10, 10, http_route="/faults/none", le="2.5"),
            counted("slo_events_total", 10, slo="latency", outcome="bad"),
        ],
        short=10,
        alone=True,
        settings={"SHED_SECONDS": "0"},
    ),
    Row(
        name="stall",
        item=11,
        sent=f"a handler that blocks the event loop for {STALL_SECONDS:g} s",
        send=stall,
        expect=[saw("200"), logged("event_loop.blocked")],
        alone=True,
    ),
]
