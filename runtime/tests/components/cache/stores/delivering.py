"""Two instances of `programs/parcel_office.py`, clients that send parcels, and what kills instances and the server."""

import asyncio
import itertools
import random
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

import httpx2

from firstlight.testing.process import TIMEOUT_SECONDS, ServiceProcess

from ....conftest import PROGRAMS

PROGRAM = str(PROGRAMS / "parcel_office.py")
CLIENTS = 4
BETWEEN = 20  # parcels that are accepted between two kills, at the least
PAUSE_SECONDS = 0.01
PATIENCE_SECONDS = 6 * TIMEOUT_SECONDS  # a busy machine starts an instance slowly, and that is not what is tested
INSTANCE, SERVER = "instance", "server"


class Killable(Protocol):
    """A server that can be killed and started again."""

    def kill(self) -> None:
        """Kill it."""

    def start(self) -> None:
        """Start it again."""


@dataclass
class Delivering:
    """One run. What has no underscore is its result."""

    environment: Mapping[str, str]
    """Of the instances."""
    server: Killable
    kept: Callable[[], Mapping[str, int]]
    """Asks the server how often each parcel is there."""
    accepted: set[str] = field(default_factory=set)
    """The names that an instance has confirmed."""
    unknown: set[str] = field(default_factory=set)
    """Those whose request had no answer, or 503: each is kept once or never."""
    killed: Counter[str] = field(default_factory=Counter)
    _instances: list[ServiceProcess] = field(default_factory=list)
    _ended: bool = False

    async def run(self, kills: int) -> None:
        """Kill so often, while clients write; then let everything take effect."""
        try:
            self._instances = [self._new(), self._new()]
            for instance in self._instances:
                await asyncio.to_thread(_started, instance)
            async with httpx2.AsyncClient(timeout=PATIENCE_SECONDS) as client, asyncio.TaskGroup() as group:
                for number in range(CLIENTS):
                    group.create_task(self._send(client, number))
                for number in range(kills):
                    await self._progress()
                    await self._kill(number)
                await self._progress()
                self._ended = True
            await self._empty()
        finally:
            for process in self._instances:
                process.close()

    @property
    def wrong(self) -> Mapping[str, int]:
        """The parcels that are not there as often as they must be."""
        kept = self.kept()
        lost = {name: 0 for name in self.accepted if name not in kept}
        return {**lost, **{name: times for name, times in kept.items() if times != 1}}

    @property
    def figures(self) -> str:
        """The result in one line."""
        kills = ", ".join(f"{times} {kind}" for kind, times in self.killed.items())
        arrived = len(self.unknown & set(self.kept()))
        return f"{kills} killed, {len(self.accepted)} accepted, {len(self.unknown)} unknown, of which {arrived} arrived"

    def _new(self) -> ServiceProcess:
        return ServiceProcess([PROGRAM], self.environment)

    async def _kill(self, number: int) -> None:
        """Kill an instance or the server, in turn, and start it again."""
        kind = (INSTANCE, SERVER)[number % 2]
        if kind == SERVER:
            await asyncio.to_thread(self.server.kill)
            await asyncio.to_thread(self.server.start)
        else:
            at = number // 2 % len(self._instances)
            self._instances[at].process.kill()
            await asyncio.to_thread(self._instances[at].close)
            self._instances[at] = await asyncio.to_thread(lambda: _started(self._new()))
        self.killed[kind] += 1

    async def _progress(self) -> None:
        """Wait until clients got somewhere, and then for any moment."""
        aim = len(self.accepted) + BETWEEN
        async with asyncio.timeout(PATIENCE_SECONDS):
            while len(self.accepted) < aim:  # noqa: ASYNC110 - many events, of many clients
                await asyncio.sleep(PAUSE_SECONDS)
        await asyncio.sleep(random.uniform(0, 0.1))  # noqa: S311 - no secret

    async def _send(self, client: httpx2.AsyncClient, number: int) -> None:
        for count in itertools.count():
            if self._ended:
                return
            name = f"{number}-{count}"
            instance = random.choice(self._instances)  # noqa: S311 - no secret
            try:
                response = await client.post(f"{instance.url}/parcels", json={"name": name})
            except httpx2.TransportError:
                self.unknown.add(name)
            else:
                assert response.status_code in {201, 503}, response.text
                (self.accepted if response.is_success else self.unknown).add(name)
            await asyncio.sleep(PAUSE_SECONDS)

    async def _empty(self) -> None:
        """Wait until nothing is in the queue."""
        async with (
            httpx2.AsyncClient(base_url=self._instances[0].management_url) as client,
            asyncio.timeout(PATIENCE_SECONDS),
        ):
            while not await self._is_empty(client):  # noqa: ASYNC110 - only asking tells
                await asyncio.sleep(PAUSE_SECONDS)

    async def _is_empty(self, client: httpx2.AsyncClient) -> bool:
        """Whether it was empty after a flush that began after this call."""
        done = 'cache_write_behind_flushes_total{outcome="done",queue="office"}'
        before = _sample((await client.get("/metrics")).text, done)
        while _sample(text := (await client.get("/metrics")).text, done) < before + 2:  # noqa: ASYNC110 - as above
            await asyncio.sleep(PAUSE_SECONDS)
        return _sample(text, 'cache_write_behind_depth{queue="office"}') == 0


def _sample(text: str, name: str) -> float:
    return next((float(line.rpartition(" ")[2]) for line in text.splitlines() if line.startswith(name)), -1)


def _started(instance: ServiceProcess) -> ServiceProcess:
    """The instance when it serves. Raises `AssertionError`."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            return instance.started()
        except AssertionError:
            if instance.ended or time.monotonic() > deadline:
                raise
