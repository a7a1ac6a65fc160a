"""Rows: memory for telemetry that nobody receives, and the log lines of large values."""

import asyncio
import json

from .expectations import counted, grows_by, logged, number, saw_only, took
from .row import Row
from .trial import Trial
from .wire import Wire, head, post

AGENT_BYTES = 60_000
CONNECTIONS = 10
TELEMETRY_MIB = 16
SLACK_MIB = 12  # what requests of this size take besides
NOBODY = "http://127.0.0.1:1"
FIELD_BYTES = 22_000_000
LINE_BYTES = 128 * 1024
MIB = 1 << 20
MAX_ERRORS = 20
ANSWER_BYTES = 20_000


async def send_agents(trial: Trial) -> None:
    """`size` requests, each with another user agent of 60 kB."""
    numbers = iter(range(trial.size))

    async def client() -> None:
        wire = await Wire.open(trial.service.port)
        for number_ in numbers:
            await wire.send(head("/faults/none", user_agent=f"{number_:08d}" + "a" * AGENT_BYTES))
            trial.saw((await wire.receive()).status)
        wire.close()

    await asyncio.gather(*(client() for _ in range(CONNECTIONS)))


async def write_unread(trial: Trial) -> None:
    """`size` MiB of log lines, of 8 kB each, while nobody reads standard output."""
    trial.service.stall()
    for _ in range(trial.size):
        await trial.get("/field?bytes=8000&lines=130")
    trial.after = await trial.scrape()
    trial.service.resume()


async def write_large_field(trial: Trial) -> None:
    """One field of 22 MB."""
    await trial.get(f"/field?bytes={FIELD_BYTES}")


async def send_unknown_keys(trial: Trial) -> None:
    """A body of 1 MB that consists of unknown keys."""
    keys = {f"{key:x}": 0 for key in range(trial.size)}
    body = json.dumps({"url": "https://example.com", **keys}, separators=(",", ":")).encode()
    reply = await trial.send(post("/api/v1/links", body))
    trial.measured["body_bytes"] = len(body)
    trial.measured["answer_bytes"] = len(reply.body)
    trial.measured["errors_listed"] = len(json.loads(reply.body or "{}").get("errors", ()))


def _longest_line(trial: Trial) -> int:
    return max(map(len, trial.service.raw))


ROWS = [
    Row(
        name="collector down",
        item=4,
        sent="{size:,} requests, each with another user agent of 60 kB; nobody collects spans",
        send=send_agents,
        expect=[saw_only("200"), grows_by(TELEMETRY_MIB + SLACK_MIB)],
        short=1_500,
        long=20_000,
        alone=True,
        settings={"OTEL_EXPORTER_OTLP_ENDPOINT": NOBODY},
    ),
    Row(
        name="standard output stalled",
        item=4,
        sent="{size} MiB of log lines; nobody reads them",
        send=write_unread,
        expect=[
            saw_only("200"),
            counted("telemetry_dropped_total", signal="logs", reason="queue_full"),
            grows_by(TELEMETRY_MIB + SLACK_MIB),
        ],
        short=64,
        long=512,
        alone=True,
    ),
    Row(
        name="large log field",
        item=4,
        sent="one log field of 22 MB",
        send=write_large_field,
        expect=[
            saw_only("200"),
            number("bytes of the longest line", _longest_line, 1, LINE_BYTES),
            logged("fault.written"),
        ],
        alone=True,
    ),
    Row(
        name="unknown keys",
        item=4,
        sent="a JSON body of 1 MB with {size:,} unknown keys",
        send=send_unknown_keys,
        expect=[
            saw_only("422"),
            took("answer_bytes", ANSWER_BYTES),
            took("errors_listed", MAX_ERRORS, 1),
            took("body_bytes", MIB),
        ],
        short=100_000,
        alone=True,
    ),
]
