"""What a process with Redis exports is what the contract says."""

import pytest

from firstlight import REGISTRY
from firstlight.components.cache import Cached
from firstlight.contract import Contract
from firstlight.testing.redis import RedisProcess

from .kept import LINKS, Source, link, opened, until

pytestmark = pytest.mark.anyio

TEXTS = Cached("texts", type=str)
OTHERS = ("cache_write_behind_",)  # stores/test_write_behind.py


async def test_metrics_are_those_of_the_contract(redis: RedisProcess) -> None:
    """Every one of the contract, with its labels, and no other."""
    contract = {name: metric for name, metric in Contract.of(["cache"]).metrics.items() if name.startswith("cache_")}
    source = Source(a=link("a"))
    async with opened(redis.url(), cache_memory_entries=1) as caches:
        for slug in ("a", "b", "a"):
            for _ in range(3):
                await caches.read(LINKS, slug, source.load(slug))
        redis.command("HSET", "sample:development:cache:texts:x", "v1", "no entry")
        await caches.get(TEXTS, "x")
        redis.command("DEL", "sample:development:cache:links:a")
        await until(lambda: REGISTRY.get_sample_value("cache_invalidated_total", {"cache": "links"}))
        server = caches.redis
        assert server is not None
        server.pool._waits.observe(0.0)  # noqa: SLF001 - a wait in earnest needs a pool that is full
        found = {
            family.name: {frozenset(sample.labels.keys() - {"le"}) for sample in family.samples}
            for family in REGISTRY.collect()
            if family.name.startswith("cache_") and family.samples
        }

    expected = {name: {frozenset(metric.labels)} for name, metric in contract.items() if not name.startswith(OTHERS)}
    assert {name: labels for name, labels in found.items() if not name.startswith(OTHERS)} == expected
