"""Processes that take at once from limits of all algorithms in Redis: its address, how many, and how often each.

Each prints what passed, as a line of JSON.
"""

import asyncio
import json
import os
import sys

from redis.asyncio import Redis

from firstlight.components.cache.rate_limits import RedisStore
from firstlight.components.cache.redis_place import RedisPlace
from firstlight.rate_limits import Limit

LIMITS = [
    Limit(name="token_bucket", rate="300/hour", algorithm="token_bucket"),
    Limit(name="leaky_bucket", rate="300/hour", algorithm="leaky_bucket", burst=300),
    Limit(name="fixed_window", rate="300/hour", algorithm="fixed_window"),
    Limit(name="sliding_window", rate="300/hour", algorithm="sliding_window"),
]
READY = "ready"


async def take(url: str, processes: int, calls: int) -> None:
    """Take from each limit so often, when all processes are there."""
    async with Redis.from_url(url) as client:
        store = RedisStore(RedisPlace(client, "acme-links:test"), LIMITS)

        async def passed(limit: Limit) -> bool:
            return not (await store.take([(limit, "a", 1)]))[0][0]

        if await client.incr(READY) == processes:
            await client.rpush("go", *range(processes))
        await client.blpop("go")
        found = {limit.name: 0 for limit in LIMITS}
        for _ in range(calls):
            for limit in LIMITS:
                found[limit.name] += await passed(limit)
    os.write(sys.stdout.fileno(), f"{json.dumps(found)}\n".encode())


def main(url: str, processes: int, calls: int) -> None:
    """Fork the processes and wait for them: what they import is imported once."""
    children = []
    for _ in range(processes):
        child = os.fork()
        if child == 0:
            asyncio.run(take(url, processes, calls))
            return
        children.append(child)
    for child in children:
        os.waitpid(child, 0)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
