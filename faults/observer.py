"""`python -m faults.observer <port> <management port> <requests per second>`: normal load, probes and scrapes.

A process of its own, so that the attacking clients do not slow the measurement. It writes one sample a line, as JSON,
until its standard input ends. Requests are due at fixed times, and latency counts from the due time.
"""

import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress

from .samples import LOAD, PROBES, Sample
from .wire import Wire, head, post

PROBE_SECONDS = 0.25
TIMEOUT_SECONDS = 5.0
LATE_SECONDS = 1.0
SLUG = "normal"


class KeptConnections:
    """Keep-alive connections; one that failed is replaced."""

    def __init__(self, port: int) -> None:
        """None is open yet."""
        self._port = port
        self._idle: list[Wire] = []
        self._request = head(f"/api/v1/links/{SLUG}")

    async def send(self) -> int:
        """Send one request. Returns the status."""
        wire = self._idle.pop() if self._idle else await Wire.open(self._port)
        try:
            await wire.send(self._request)
            status = (await wire.receive()).status
        except BaseException:
            wire.close()
            raise
        self._idle.append(wire)
        return status


def write(sample: Sample) -> None:
    """Hand one sample on."""
    sys.stdout.write(json.dumps(sample) + "\n")
    sys.stdout.flush()


async def observe(kind: str, due: float, ask: Callable[[], Awaitable[int]]) -> None:
    """Ask once, and write what came of it; what is late when the observer ends is written, too."""
    status, cut = 0, False
    try:
        with suppress(OSError, EOFError, ValueError, TimeoutError):
            async with asyncio.timeout(TIMEOUT_SECONDS):
                status = await ask()
    except asyncio.CancelledError:
        cut = True
        raise
    finally:
        seconds = time.monotonic() - due
        if not cut or seconds > LATE_SECONDS:
            write(Sample(due, kind, seconds, status))


async def repeat(kind: str, interval: float, ask: Callable[[], Awaitable[int]]) -> None:
    """Ask again and again, at fixed times, whatever the answers do."""
    due = time.monotonic()
    async with asyncio.TaskGroup() as tasks:
        while True:
            tasks.create_task(observe(kind, due, ask))
            due += interval
            await asyncio.sleep(max(0.0, due - time.monotonic()))


def probe(port: int, path: str) -> Callable[[], Awaitable[int]]:
    """A request on a connection of its own, as probes are."""

    async def ask() -> int:
        wire = await Wire.open(port)
        try:
            await wire.send(head(path))
            return (await wire.receive()).status
        finally:
            wire.close()

    return ask


async def run(port: int, management_port: int, rate: float) -> None:
    """Observe until standard input ends."""
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    tasks = [asyncio.create_task(repeat(path, PROBE_SECONDS, probe(management_port, path))) for path in PROBES]
    if rate:
        wire = await Wire.open(port)
        await wire.send(post("/api/v1/links", json.dumps({"url": "https://example.com", "slug": SLUG}).encode()))
        await wire.receive()
        wire.close()
        tasks.append(asyncio.create_task(repeat(LOAD, 1 / rate, KeptConnections(port).send)))
    await reader.read()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


if __name__ == "__main__":
    asyncio.run(run(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])))
