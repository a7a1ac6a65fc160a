"""Two instances of `programs/ledger.py`, clients that repeat each request until it is confirmed, and what kills."""

import asyncio
import itertools
import random
from collections.abc import Sequence
from dataclasses import dataclass, field

import httpx2

from firstlight.idempotency import REPLAYED_HEADER
from firstlight.testing.postgresql import PostgresqlServer
from firstlight.testing.process import TIMEOUT_SECONDS, ServiceProcess

from ...programs.ledger import KILLED_WHEN
from .ledger import NUMBERS, PROGRAM, url

PAUSE_SECONDS = 0.02  # of a client between two requests, so that an instance has time to start
CLIENTS = 4
BETWEEN = 10  # rows that are confirmed between two kills, at the least
NAME = "killed"  # of rows, with a number
SAMPLE = 20  # rows
AGAIN = frozenset({409, 503})  # the first request runs, or the database is away
INSTANCE, COMMITTED, SERVER, EXECUTED = "instance", "committed", "server", "executed"
KINDS = (INSTANCE, COMMITTED, SERVER, EXECUTED)
"""An instance or the server dies at any moment, an instance between commit and response, or before the commit."""


@dataclass
class Killing:
    """One run. What has no underscore is its result."""

    server: PostgresqlServer
    ports: Sequence[int]
    """Of the instances."""
    confirmed: dict[str, int] = field(default_factory=dict)
    """The number of each row, as the client got it."""
    replayed: dict[str, int] = field(default_factory=dict)
    """The numbers in the responses to requests that were repeated after all kills."""
    repeated: int = 0
    """How many rows needed more than one request."""
    killed: dict[str, int] = field(default_factory=lambda: dict.fromkeys(KINDS, 0))
    requests: int = 0
    _instances: dict[int, ServiceProcess] = field(default_factory=dict)
    _deadly: list[tuple[int, str]] = field(default_factory=list)
    """What the next request asks for, and of which instance."""
    _ended: bool = False

    async def run(self, kills: int) -> None:
        """Kill so often, while clients write."""
        try:
            await asyncio.gather(*(self._start(port) for port in self.ports))
            async with httpx2.AsyncClient(timeout=TIMEOUT_SECONDS) as client, asyncio.TaskGroup() as group:
                writing = [group.create_task(self._write_on(client)) for _ in range(CLIENTS)]
                for kind, port in zip(itertools.cycle(KINDS), itertools.islice(self._victims(), kills), strict=False):
                    await self._progress()
                    await self._kill(kind, port)
                await self._progress()
                self._ended = True
                await asyncio.gather(*writing)
                await self._replay(client)
        finally:
            for process in self._instances.values():
                process.close()

    @property
    def figures(self) -> str:
        """The result in one line."""
        kills = ", ".join(f"{times} {kind}" for kind, times in self.killed.items())
        rows = f"{len(self.confirmed)} rows confirmed, {self.repeated} of them after a repetition"
        return f"{self.requests} requests, {sum(self.killed.values())} kills ({kills}), {rows}"

    def _victims(self) -> "itertools.cycle[int]":
        """Each instance meets each kind of kill."""
        first, second = self.ports
        return itertools.cycle([first] * len(KINDS) + [second] * len(KINDS))

    async def _start(self, port: int) -> None:
        environment = {"DATABASE_URL": url(self.server.port), "PORT": str(port), "DATABASE_POOL_SIZE": str(CLIENTS)}
        self._instances[port] = ServiceProcess([PROGRAM], environment)
        await asyncio.to_thread(self._instances[port].started)

    async def _progress(self) -> None:
        """Wait until clients got somewhere, and then for any moment."""
        aim = len(self.confirmed) + BETWEEN
        async with asyncio.timeout(TIMEOUT_SECONDS):
            while len(self.confirmed) < aim:  # noqa: ASYNC110 - many events, of many clients
                await asyncio.sleep(PAUSE_SECONDS)
        await asyncio.sleep(random.uniform(0, PAUSE_SECONDS))  # noqa: S311 - no secret

    async def _kill(self, kind: str, port: int) -> None:
        if kind == SERVER:
            await asyncio.to_thread(self.server.kill)
            await asyncio.to_thread(self.server.start)
        else:
            victim = self._instances[port]
            if kind == INSTANCE:
                victim.process.kill()
            else:
                self._deadly.append((port, kind))
            await asyncio.to_thread(victim.wait)
            victim.close()
            await self._start(port)
        self.killed[kind] += 1

    async def _write_on(self, client: httpx2.AsyncClient) -> None:
        while not self._ended:
            name, attempts = f"{NAME}-{next(NUMBERS)}", 0
            port, headers = random.choice(self.ports), {}  # noqa: S311 - no secret
            if self._deadly:
                port, headers[KILLED_WHEN] = self._deadly.pop()
            while (response := await self._post(client, name, port, headers)) is None:
                await asyncio.sleep(PAUSE_SECONDS)
                port, headers, attempts = random.choice(self.ports), {}, attempts + 1  # noqa: S311 - no secret
            self.confirmed[name] = response.json()["number"]
            self.repeated += attempts > 0
            await asyncio.sleep(PAUSE_SECONDS)

    async def _replay(self, client: httpx2.AsyncClient) -> None:
        """Repeat requests that were confirmed, the oldest and the newest."""
        names = list(self.confirmed)
        for name in (*names[:SAMPLE], *names[-SAMPLE:]):
            response = await self._post(client, name, random.choice(self.ports), {})  # noqa: S311 - no secret
            assert response is not None
            assert response.headers[REPLAYED_HEADER] == "true"
            self.replayed[name] = response.json()["number"]

    async def _post(
        self, client: httpx2.AsyncClient, name: str, port: int, headers: dict[str, str]
    ) -> httpx2.Response | None:
        """The response, or None if the request must be repeated."""
        self.requests += 1
        address, sent = f"http://127.0.0.1:{port}/entries", {"Idempotency-Key": name, **headers}
        try:
            response = await client.post(address, json={"name": name}, headers=sent)
        except httpx2.TransportError:
            return None
        if response.status_code in AGAIN:
            return None
        assert response.status_code == httpx2.codes.CREATED, response.text
        return response
