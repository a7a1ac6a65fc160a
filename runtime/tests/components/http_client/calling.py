"""Opens the clients of a test, and reads the metrics of their dependency."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx2

from firstlight import Settings, Surroundings
from firstlight.components.http_client import Clients, Dependency, HttpClientSettings, open_clients
from firstlight.lifecycle import Lifecycle
from firstlight.metrics.instruments import REGISTRY
from firstlight.testing.process import TIMEOUT_SECONDS

from ...faults import IDENTITY
from ...peers import Peer

SECONDS = 2.0  # limit of a call: longer than the test takes, also on a busy machine
NAME = "scales"


@asynccontextmanager
async def calling(target: Peer | str, **policies: Any) -> AsyncIterator[httpx2.AsyncClient]:
    """The client of one dependency with these policies. Those of the settings have the prefix `set_`."""
    url = target if isinstance(target, str) else target.url
    values = {name.removeprefix("set_"): policies.pop(name) for name in [*policies] if name.startswith("set_")}
    settings = HttpClientSettings(dependencies={NAME: url}, **{"timeout_seconds": SECONDS, **values})
    async with opened(settings, Dependency(NAME, **policies)) as clients:
        yield clients[NAME]


@asynccontextmanager
async def opened(settings: HttpClientSettings, *declared: Dependency) -> AsyncIterator[Clients]:
    """The clients of these settings."""
    surroundings = Surroundings(settings, Settings(), {}, Lifecycle(), IDENTITY)
    async with open_clients(surroundings, declared=declared) as clients:
        yield clients


async def becomes(holds: Callable[[], bool]) -> None:
    """Return when the condition is true, or fail after a while."""
    async with asyncio.timeout(TIMEOUT_SECONDS):
        while not holds():  # noqa: ASYNC110 - another thread makes it true
            await asyncio.sleep(0.005)


def value(name: str, **labels: str) -> float:
    """A sample of the dependency now."""
    return REGISTRY.get_sample_value(name, {"dependency": NAME, **labels}) or 0


def growth(name: str, **labels: str) -> Callable[[], float]:
    """Tells by how much a counter has grown since this call."""
    before = value(name, **labels)
    return lambda: value(name, **labels) - before


def series(name: str, **labels: str) -> list[tuple[dict[str, str], float]]:
    """The labels and values of the dependency's samples that have these labels."""
    wanted = {"dependency": NAME, **labels}
    return [
        (sample.labels, sample.value)
        for family in REGISTRY.collect()
        for sample in family.samples
        if sample.name == name and wanted.items() <= sample.labels.items()
    ]
