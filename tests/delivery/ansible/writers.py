"""Clients that create links and read them: `python -m delivery.ansible.writers URL RATE SECONDS`.

Half of the requests read a link that was created before. The others create one with an idempotency key, and half of
these repeat one that was answered, with its key: the answer must be the same. Any other answer is a failure.
"""

import asyncio
import itertools
import json
import random
import sys
import time
from collections import deque
from http import HTTPMethod, HTTPStatus

from delivery.ansible.load import Clients, drive

KINDS = ("read", "read", "repeat", "write")


class Writers(Clients):
    """Everybody who uses the links."""

    def __init__(self, url: str) -> None:
        """Nothing is written yet."""
        super().__init__(url)
        self.path = self.request.split()[1].decode()
        self.run = time.time_ns()  # its titles are its own
        self.numbers = itertools.count()
        self.chance = random.Random(self.run)  # noqa: S311 - nothing is secret here
        self.written: dict[str, str] = {}  # slugs by titles, in the order of their answers
        self.once: deque[str] = deque()  # titles that were sent once
        self.read: deque[str] = deque()  # titles that are to be read

    async def ask(self) -> str:
        """Read, repeat or write, by chance: a balancer that takes turns would send all writes to the same release."""
        number = next(self.numbers)
        kind = self.chance.choice(KINDS)
        if kind == "read" and self.read:
            return await self._read(self.read[0])
        if kind == "repeat" and self.once:
            return await self._write(self.once.popleft())
        return await self._write(f"{self.run}-{number}")

    async def _write(self, title: str) -> str:
        body = json.dumps({"url": "https://example.com/", "title": title}).encode()
        headers = f"Idempotency-Key: {title}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        status, answer = await self.exchange(self._head(HTTPMethod.POST, self.path, headers) + body)
        if status != HTTPStatus.CREATED:
            return f"a write got {status}: {answer[:200]!r}"
        slug = json.loads(answer)["slug"]
        if title not in self.written:
            self.written[title] = slug
            self.once.append(title)
            self.read.append(title)
        return str(status) if self.written[title] == slug else f"{title} was written again"

    async def _read(self, title: str) -> str:
        self.read.rotate(-1)
        status, answer = await self.exchange(self._head(HTTPMethod.GET, f"{self.path}/{self.written[title]}"))
        if status != HTTPStatus.OK:
            return f"a read got {status}: {answer[:200]!r}"
        return str(status) if json.loads(answer)["title"] == title else f"{title} was not read"

    def _head(self, method: str, path: str, headers: str = "") -> bytes:
        return f"{method} {path} HTTP/1.1\r\nHost: {self.host}:{self.port}\r\n{headers}\r\n".encode()


if __name__ == "__main__":
    writers = Writers(sys.argv[1])
    told = asyncio.run(drive(writers, float(sys.argv[2]), float(sys.argv[3])))
    print(json.dumps(told | {"written": writers.written}))
