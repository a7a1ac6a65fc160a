"""Reads one missing entry many times at once, and says how often it was loaded. A test runs several of it."""

import asyncio
import json
import sys
from pathlib import Path
from runpy import run_path
from typing import Any

from pydantic import SecretStr

from firstlight.component import Surroundings
from firstlight.components.cache import Cached, CacheSettings
from firstlight.components.cache.component import open_cache
from firstlight.lifecycle import Lifecycle
from firstlight.settings import Settings

IDENTITY: Any = run_path(str(Path(__file__).parents[1] / "faults.py"))["IDENTITY"]
ROWS = Cached("rows", type=str)
LOAD_SECONDS = 0.3  # so that every reader comes before its end


async def main(url: str, readers: int) -> None:
    """Wait for a line on standard input, then read."""
    settings = CacheSettings(redis_url=SecretStr(url), redis_call_seconds=10)
    loads = 0
    async with open_cache(Surroundings(settings, Settings(), {}, Lifecycle(), IDENTITY)) as caches:
        tracking, redis = caches.levels.tracking, caches.redis
        assert tracking is not None
        assert redis is not None
        await tracking.was_tried.wait()

        async def load() -> str:
            nonlocal loads
            loads += 1
            await redis.client.incr("loads")
            await asyncio.sleep(LOAD_SECONDS)
            return "row"

        sys.stdout.write("ready\n")
        sys.stdout.flush()
        await asyncio.to_thread(sys.stdin.readline)
        found = await asyncio.gather(*(caches.read(ROWS, "a", load) for _ in range(readers)))
    sys.stdout.write(json.dumps({"read": found.count("row"), "loads": loads}))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
