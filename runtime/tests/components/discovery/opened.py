"""Opens the component, and looks at its metrics and events."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from firstlight import Settings, Surroundings
from firstlight.components.http_client import Clients, Dependency, HttpClientSettings, open_clients
from firstlight.lifecycle import Lifecycle
from firstlight.logs import pipeline
from firstlight.metrics.instruments import REGISTRY
from firstlight.settings import load
from firstlight.testing.lines import Lines
from firstlight.testing.process import TIMEOUT_SECONDS

from ...faults import IDENTITY

ONCE = Dependency("scales", retries=None, breaker=None)
"""Each call is sent once."""


@asynccontextmanager
async def clients(address: str, policy: Dependency = ONCE, **settings: Any) -> AsyncIterator[Clients]:
    """The clients of a service with one dependency, `scales`."""
    own = load(HttpClientSettings, {"dependencies": {"scales": address}, **settings})
    async with open_clients(Surroundings(own, Settings(), {}, Lifecycle(), IDENTITY), declared=[policy]) as opened:
        yield opened


@contextmanager
def captured() -> Iterator[Lines]:
    """The log lines from now on."""
    lines = Lines()
    pipeline.configure(Settings(), IDENTITY, lines)
    yield lines


def value(metric: str, **labels: str) -> float:
    """The value of a metric of `scales`."""
    return REGISTRY.get_sample_value(metric, {"dependency": "scales", **labels}) or 0.0


def instances() -> tuple[float, float]:
    """How many instances are available, and how many are ejected."""
    return value("http_client_instances", state="available"), value("http_client_instances", state="ejected")


async def until(condition: Callable[[], object]) -> None:
    """Wait until something is true. Raises `TimeoutError`."""
    async with asyncio.timeout(TIMEOUT_SECONDS):
        while not condition():  # noqa: ASYNC110 - only asking tells
            await asyncio.sleep(0.005)


async def answered(opened: Clients, path: str = "/", **options: Any) -> str:
    """Which server answers."""
    return (await opened["scales"].get(path, **options)).text
