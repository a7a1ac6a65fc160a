"""Processes that take at once from limits of all algorithms in Redis: its address, how many, and how often each.

Each prints what passed, and how many answers were lost, as a line of JSON.
"""

import asyncio
import json
import os
import sys

from pydantic import SecretStr

from firstlight.components.cache import CacheSettings, RedisServer, RedisUnavailableError
from firstlight.components.cache.rate_limits import RedisStore
from firstlight.rate_limits import Limit

LOST = "lost"
LIMITS = [
    Limit(name="token_bucket", rate="100/hour", algorithm="token_bucket"),
    Limit(name="leaky_bucket", rate="100/hour", algorithm="leaky_bucket", burst=100),
    Limit(name="fixed_window", rate="100/hour", algorithm="fixed_window"),
    Limit(name="sliding_window", rate="100/hour", algorithm="sliding_window"),
]


async def take(url: str, processes: int, calls: int) -> None:
    """Take from each limit so often, when all processes are there."""
    settings = CacheSettings(redis_url=SecretStr(url), redis_call_seconds=5)
    assert settings.address is not None
    server = RedisServer(settings, settings.address, "acme-links", "test")
    store = RedisStore(server, LIMITS)
    if await server.client.incr("ready") == processes:
        await server.client.rpush("go", *range(processes))
    await server.client.blpop(["go"])
    found = {limit.name: 0 for limit in LIMITS} | {LOST: 0}
    for _ in range(calls):
        for limit in LIMITS:
            try:
                found[limit.name] += not (await store.take([(limit, "a", 1)]))[0][0]
            except (RedisUnavailableError, TimeoutError):  # on a busy machine an answer may come too late
                found[LOST] += 1
    await server.close()
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
