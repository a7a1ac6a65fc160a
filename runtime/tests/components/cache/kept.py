"""What the tests of the cache share: a kind of entry, its source, and open caches."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from pydantic import SecretStr

from firstlight.component import Surroundings
from firstlight.components.cache import Cached, Caches, CacheSettings
from firstlight.components.cache.component import open_cache
from firstlight.components.cache.metrics import ERRORS, READS
from firstlight.lifecycle import Lifecycle
from firstlight.settings import Settings

from ...faults import IDENTITY

WAIT_SECONDS = 10.0


@dataclass(frozen=True)
class Link:
    """A value that nobody can change."""

    slug: str
    target: str
    owner: str = "nobody"


LINKS = Cached("links", type=Link, ttl=60, jitter=0, negative=60, tags=lambda link: [f"owner:{link.owner}"])
PLAIN = Cached("plain", type=Link, ttl=60, jitter=0)
LISTS = Cached("lists", type=list[int], ttl=60, jitter=0)


class Source:
    """Where the truth is. It counts how often it was asked."""

    def __init__(self, **rows: Link) -> None:
        """With these rows."""
        self.rows = dict(rows)
        self.loads: Counter[str] = Counter()
        self.hold = asyncio.Event()
        """A load waits for it after it has read the row."""
        self.hold.set()
        self.reached = asyncio.Event()
        """Set when a load has read the row."""

    def load(self, slug: str) -> Callable[[], Awaitable[Link | None]]:
        """The loader of one key."""

        async def load() -> Link | None:
            self.loads[slug] += 1
            found = self.rows.get(slug)
            self.reached.set()
            await self.hold.wait()
            return found

        return load

    def save(self, link: Link) -> Callable[[], Awaitable[str]]:
        """What saves a row."""

        async def save() -> str:
            self.rows[link.slug] = link
            return "saved"

        return save


def link(slug: str, target: str = "https://a.example", owner: str = "ann") -> Link:
    """A row."""
    return Link(slug, target, owner)


@asynccontextmanager
async def opened(url: str = "", **settings: Any) -> AsyncIterator[Caches]:
    """Caches that are connected, if there is something to connect to."""
    given = CacheSettings(redis_url=SecretStr(url), **settings)
    async with open_cache(Surroundings(given, Settings(), {}, Lifecycle(), IDENTITY)) as caches:
        tracking = caches.levels.tracking
        if tracking is not None:
            async with asyncio.timeout(WAIT_SECONDS):
                await tracking.was_tried.wait()
        yield caches


async def until(holds: Callable[[], object]) -> None:
    """Wait until something holds."""
    async with asyncio.timeout(WAIT_SECONDS):
        while not holds():  # noqa: ASYNC110 - what it waits for has no event
            await asyncio.sleep(0.005)


def reads(cached: Cached[Any], outcome: str) -> float:
    """How many reads had this outcome."""
    return READS.labels(cached.name, outcome).value


def errors(cached: Cached[Any], operation: str, reason: str) -> float:
    """How many errors there were."""
    return ERRORS.labels(cached.name, operation, reason).value


async def used(caches: Caches, source: Source) -> None:
    """Wait until the server is used: what one read has kept there, another one finds."""
    found = reads(LINKS, "redis")
    async with asyncio.timeout(WAIT_SECONDS):
        while reads(LINKS, "redis") == found:
            slug = f"used{time.monotonic()}"
            source.rows[slug] = link(slug)
            for _ in range(2):
                await caches.read(LINKS, slug, source.load(slug))
            await asyncio.sleep(0.02)
