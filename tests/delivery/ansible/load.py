"""Clients with a steady rate, whatever the server does: `python -m delivery.ansible.load URL RATE SECONDS`.

They end with the time or by SIGTERM. Open loop: a request is sent when its time has come, on a kept connection that is
idle or on a new one. Everything that a user would call a failure is one: a status of 500 and more, a connection that
breaks or is refused, an answer that takes longer than five seconds. Prints one JSON object at the end.
"""

import asyncio
import json
import signal
import sys
import time
import urllib.parse
from collections import Counter
from typing import Any

RESPONSE_SECONDS = 5
IDLE_SECONDS = 30  # a connection that was kept for longer may be closed by now, as any client knows
IN_FLIGHT = 2_000  # a bound: more waiting requests than this are a failure of the test itself
FAILED = 500

Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Clients:
    """Everybody who uses the service."""

    def __init__(self, url: str) -> None:
        """Nobody is connected yet."""
        where = urllib.parse.urlsplit(url)
        self.host = where.hostname or ""
        self.port = where.port or 80
        self.request = f"GET {where.path} HTTP/1.1\r\nHost: {where.netloc}\r\n\r\n".encode()
        self.idle: list[tuple[float, Connection]] = []  # since when
        self.outcomes: Counter[str] = Counter()
        self.failures: list[tuple[float, str]] = []
        self.slowest = 0.0

    async def send(self) -> None:
        """Send one request and note what became of it."""
        began = time.monotonic()
        try:
            async with asyncio.timeout(RESPONSE_SECONDS):
                outcome = await self.ask()
        except (OSError, EOFError, ValueError, TimeoutError) as error:
            outcome = type(error).__name__
        self.outcomes[outcome] += 1
        self.slowest = max(self.slowest, time.monotonic() - began)
        if not outcome.isdecimal() or int(outcome) >= FAILED:
            self.failures.append((time.time(), outcome))

    async def ask(self) -> str:
        """Send a request; the status of its answer, or what was wrong with it."""
        status, _ = await self.exchange(self.request)
        return str(status)

    async def exchange(self, request: bytes) -> tuple[int, bytes]:
        """Send these bytes; status and body of the answer."""
        reader, writer = self._kept() or await asyncio.open_connection(self.host, self.port)
        try:
            writer.write(request)
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:])}
            body = await reader.readexactly(int(headers["content-length"]))
        except BaseException:
            writer.close()
            raise
        if headers.get("connection", "").lower() == "close":
            writer.close()
        else:
            self.idle.append((time.monotonic(), (reader, writer)))
        return int(head[0].split()[1]), body

    def _kept(self) -> Connection | None:
        """Take the connection that was used last."""
        if not self.idle:
            return None
        since, connection = self.idle.pop()
        if time.monotonic() - since < IDLE_SECONDS:
            return connection
        for _, (_, writer) in [*self.idle, (since, connection)]:  # the others have been idle for longer
            writer.close()
        self.idle.clear()
        return None

    async def keep_sending(self, rate: float, seconds: float, stop: asyncio.Event) -> None:
        """Send at this rate for so long, and wait for the last answers."""
        began = time.monotonic()
        waiting: set[asyncio.Task[None]] = set()
        for number in range(int(rate * seconds)):
            await asyncio.sleep(began + number / rate - time.monotonic())
            if stop.is_set() or len(waiting) > IN_FLIGHT:
                break
            task = asyncio.create_task(self.send())
            waiting.add(task)
            task.add_done_callback(waiting.discard)
        await asyncio.gather(*waiting)
        for _, (_, writer) in self.idle:
            writer.close()


async def drive(clients: Clients, rate: float, seconds: float) -> dict[str, Any]:
    """Have them send until the time or SIGTERM; how it went for them."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    began = time.time()
    await clients.keep_sending(rate, seconds, stop)
    sent = sum(clients.outcomes.values())
    return {
        "sent": sent,
        "rate": sent / (time.time() - began),
        "outcomes": clients.outcomes,
        "failures": clients.failures,
        "slowest": clients.slowest,
    }


if __name__ == "__main__":
    print(json.dumps(asyncio.run(drive(Clients(sys.argv[1]), float(sys.argv[2]), float(sys.argv[3])))))
