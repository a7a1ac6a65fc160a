"""Rows: dependencies, the collector or the error tracker answer wrongly."""

import asyncio
import time

from .expectations import GROWTH_MIB, counted, grows_by, holds, saw_only, took
from .row import Row
from .trial import Trial

TIMEOUT_SECONDS = 1
LATEST_SECONDS = 8.0
RESPONSE_MIB = 16  # the largest response of a dependency, by default
QUICK_SECONDS = 1.0
ENDLESS_SECONDS = 3.0
CLIENT = {"HTTP_CLIENT_TIMEOUT_SECONDS": str(TIMEOUT_SECONDS)}
SOON = {"OTEL_BSP_SCHEDULE_DELAY": "50"}
NOBODY = "http://127.0.0.1:1"


async def ask_once(trial: Trial) -> None:
    """A request that asks the dependency; measures how long it takes."""
    began = time.monotonic()
    await trial.get("/ask/it")
    trial.measured["seconds"] = time.monotonic() - began


async def send_some(trial: Trial) -> None:
    """Some requests, whose spans are exported while we look."""
    began = time.monotonic()
    while time.monotonic() - began < ENDLESS_SECONDS:
        for _ in range(trial.size):
            await trial.get("/faults/none")
        await asyncio.sleep(0.1)  # the exporter's delay passes: requests all the time would be one batch


async def fail_some(trial: Trial) -> None:
    """Some requests that fail, whose reports are not taken; measures the slowest."""
    slowest = 0.0
    for _ in range(trial.size):
        began = time.monotonic()
        await trial.get("/raise/exception")
        slowest = max(slowest, time.monotonic() - began)
    trial.measured["slowest"] = slowest


async def give_up(trial: Trial) -> None:
    """A request whose handler waits for a dependency for a moment only."""
    await trial.get("/ask-briefly/it")


def _misbehaves(name: str, how: str, sent: str) -> Row:
    return Row(
        name=name,
        item=5,
        sent=sent,
        send=ask_once,
        expect=[saw_only("503"), took("seconds", LATEST_SECONDS), grows_by(RESPONSE_MIB + GROWTH_MIB)],
        alone=True,
        settings={**CLIENT, "HTTP_CLIENT_DEPENDENCIES": f"it={{outside}}/{how}"},
    )


ROWS = [
    _misbehaves("dependency drips", "drip", "a request that asks a dependency which sends a byte each 0.1 s"),
    _misbehaves("dependency without end", "endless", "a request that asks a dependency whose body never ends"),
    Row(
        name="collector without end",
        item=5,
        sent="a collector that answers 400 with a body that never ends",
        send=send_some,
        expect=[saw_only("200"), counted("telemetry_dropped_total", signal="traces"), grows_by()],
        short=5,
        alone=True,
        settings={**SOON, "OTEL_EXPORTER_OTLP_ENDPOINT": "{outside}/endless"},
    ),
    Row(
        name="error tracker drips",
        item=5,
        sent="{size} failures; the error tracker answers a byte each 0.1 s",
        send=fail_some,
        expect=[
            saw_only("500"),
            took("slowest", QUICK_SECONDS),
            counted("telemetry_dropped_total", signal="errors", reason="queue_full"),
            grows_by(),
        ],
        short=150,
        settings={"SENTRY_DSN": "http://key@127.0.0.1:{port}/drip/1"},
    ),
    Row(
        name="caller gives up",
        item=13,
        sent="a request whose handler waits for a dependency for 0.2 s only",
        send=give_up,
        expect=[
            saw_only("200"),
            counted("http_client_request_duration_seconds_count", 0, 0, error_type="asyncio.exceptions.CancelledError"),
            counted("unhandled_errors_total", 0, 0),
        ],
        settings={"HTTP_CLIENT_TIMEOUT_SECONDS": "30", "HTTP_CLIENT_DEPENDENCIES": "it={outside}/hang"},
    ),
    Row(
        name="dependency down",
        item=14,
        sent="a request that asks a dependency where nobody listens",
        send=ask_once,
        expect=[
            saw_only("503"),
            holds(
                "a line that names the dependency and the reason",
                lambda trial: [line["event"] for line in trial.lines],
                lambda trial: any(
                    line.get("dependency") == "it" and "connect" in str(line).lower() for line in trial.lines
                ),
            ),
        ],
        settings={**CLIENT, "HTTP_CLIENT_DEPENDENCIES": f"it={NOBODY}"},
    ),
]
