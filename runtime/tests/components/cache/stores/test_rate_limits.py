"""Rate limits in Redis: the algorithms of the process, exact between processes, all or nothing, and quick to fail."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import pytest

from firstlight.components.cache import RedisServer, RedisUnavailableError
from firstlight.components.cache.rate_limits import RedisStore
from firstlight.components.cache.rate_limits.policies import Policy
from firstlight.rate_limits import Claim, Limit, MemoryStore
from firstlight.testing.redis import RedisProcess

from ....conftest import PROGRAMS
from .conftest import Opened

ALGORITHMS = ("token_bucket", "leaky_bucket", "fixed_window", "sliding_window")
PREFIX = "acme-links:test:rate_limits:v1"
PROCESSES, CALLS, MOST = 8, 40, 100
Test = Callable[[RedisServer], Awaitable[None]]


def run(opened: Opened, test: Test) -> None:
    """Run a test with the server."""

    async def main() -> None:
        async with opened() as server:
            await test(server)

    asyncio.run(main())


def limit(name: str = "by_address", **fields: object) -> Limit:
    """Ten an hour, unless `fields` say something else."""
    return Limit(**{"name": name, "rate": "10/hour", **fields})  # type: ignore[arg-type] # what the test needs


async def passed(store: RedisStore, claims: Sequence[Claim]) -> bool:
    """Whether a request passes."""
    return not any(wait for wait, *_ in await store.take(claims))


@pytest.mark.parametrize("rate", ["10/hour", "7/second", "600000/second"])
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_the_algorithms_are_those_of_the_process(opened: Opened, algorithm: str, rate: str) -> None:
    """The same standings as in memory, up to the time that passes between two requests."""
    policy = limit(algorithm=algorithm, rate=rate)
    costs = (1, 3, 4, 1, 1, 1) if policy.capacity > 1 else (1, 1)
    slot = policy.period / 30

    async def test(server: RedisServer) -> None:
        store, memory = RedisStore(server, [policy]), MemoryStore([policy])
        for cost in costs:
            [ours], [other] = await store.take([(policy, "a", cost)]), memory.take([(policy, "a", cost)])
            if rate == "10/hour":
                assert (ours[0] > 0, ours[1]) == (other[0] > 0, other[1])
            # A sliding window counts in slots, which begin at different moments.
            assert ours[2] == pytest.approx(other[2], abs=(slot if algorithm == "sliding_window" else 0) + 100e6)

    run(opened, test)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_the_limit_comes_back(opened: Opened, algorithm: str) -> None:
    """A request waits as long as it is told, and passes then; a moment earlier it does not."""
    policy = limit(algorithm=algorithm, rate="50/second", burst=1 if algorithm == "token_bucket" else None)

    async def test(server: RedisServer) -> None:
        store, waits = RedisStore(server, [policy]), 0
        while waits < 2:
            [(wait, _, _)] = await store.take([(policy, "a", 1)])
            if wait:
                waits += 1
                assert wait <= 2 * policy.period
                await asyncio.sleep(wait / 1e9)
                assert await passed(store, [(policy, "a", 1)])

    run(opened, test)


def test_all_or_nothing(opened: Opened) -> None:
    """A request that one limit refuses uses up nothing of the others; keys and limits do not share counters."""
    wide, narrow = limit("wide"), limit("narrow", rate="1/hour")

    async def test(server: RedisServer) -> None:
        store = RedisStore(server, [wide, narrow])
        key = "a\0\ud800"
        assert await passed(store, [(wide, key, 1), (narrow, key, 1)])
        assert not await passed(store, [(wide, key, 1), (narrow, key, 1)])
        assert await passed(store, [(narrow, "b", 1)])
        assert (await store.take([(wide, key, 1)]))[0][1] == 8

    run(opened, test)


def test_requests_at_once_share_a_call(opened: Opened) -> None:
    """The limit holds within it."""
    policy = limit()

    async def test(server: RedisServer) -> None:
        store = RedisStore(server, [policy])
        await passed(store, [(policy, "another", 1)])
        before = (await server.client.info("commandstats"))["cmdstat_evalsha"]["calls"]
        answers = await asyncio.gather(*(passed(store, [(policy, "a", 1)]) for _ in range(150)))
        calls = (await server.client.info("commandstats"))["cmdstat_evalsha"]["calls"] - before
        assert answers == [True] * 10 + [False] * 140
        assert calls == 2

    run(opened, test)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize(("seconds", "passes"), [(60, False), (7200, True)])
def test_a_clock_that_is_set_back(opened: Opened, algorithm: str, seconds: int, *, passes: bool) -> None:
    """A state from a little later still counts, one from a time that the clock will not reach soon has no meaning."""
    policy = limit(algorithm=algorithm)

    async def test(server: RedisServer) -> None:
        store, key = RedisStore(server, [policy]), Policy(policy, PREFIX).key_of("a")
        while await passed(store, [(policy, "a", 1)]):
            pass
        kept: Any = await server.client.get(key)
        first, *others = kept.decode().split()
        step = seconds // 120 if algorithm == "sliding_window" else seconds * 10**6
        await server.client.set(key, " ".join([str(float(first) + step).removesuffix(".0"), *others]))
        # Buckets and fixed windows end at a known distance: a state that is further away is of another clock.
        assert await passed(store, [(policy, "a", 1)]) is (passes or algorithm != "sliding_window")

    run(opened, test)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_state_leaves_when_it_has_no_meaning_any_more(opened: Opened, algorithm: str) -> None:
    """The server removes it. Something else under its key is an error, and no state."""
    policy = limit(algorithm=algorithm, rate="10/minute")

    async def test(server: RedisServer) -> None:
        store, key = RedisStore(server, [policy]), Policy(policy, PREFIX).key_of("a")
        await passed(store, [(policy, "a", 1)])
        assert 1 < await server.client.ttl(key) <= 63
        await server.client.set(key, "nonsense")
        assert await passed(store, [(policy, "a", 1)])
        await server.client.delete(key)
        await server.client.sadd(key, "a")
        with pytest.raises(RedisUnavailableError):
            await store.take([(policy, "a", 1)])

    run(opened, test)


def test_a_changed_limit_begins_again(opened: Opened) -> None:
    """A state of another algorithm could not be read."""
    keys = {Policy(limit(**fields), PREFIX).key_of("a") for fields in ({}, {"burst": 3}, {"rate": "9/hour"})}
    assert len(keys) == 3
    del opened


def test_processes_never_allow_more_than_the_limit(store_server: RedisProcess, opened: Opened) -> None:
    """Eight processes take as fast as they can from limits of all algorithms: exactly the limit passes in a period.

    An answer that comes too late has used up its part.
    """
    del opened
    command = [sys.executable, str(PROGRAMS / "taking.py"), store_server.url(), str(PROCESSES), str(CALLS)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603 - our program
    found = [json.loads(line) for line in done.stdout.splitlines()]
    lost = sum(counts["lost"] for counts in found)
    for name in ALGORITHMS:
        passed_in_all = sum(counts[name] for counts in found)
        assert MOST - lost <= passed_in_all <= MOST
    assert len([counts for counts in found if sum(counts.values())]) == PROCESSES


def test_a_server_that_is_down_costs_no_time(store_server: RedisProcess, opened: Opened) -> None:
    """Some requests raise, then none is asked for a second; then it works again, with its counters."""
    policy = limit(rate="2/hour")

    async def test(server: RedisServer) -> None:
        store = RedisStore(server, [policy])
        assert await passed(store, [(policy, "a", 1)])
        store_server.kill()
        try:
            labels = []
            while "breaker_open" not in labels:
                with pytest.raises(RedisUnavailableError) as caught:
                    await store.take([(policy, "a", 1)])
                labels.append(caught.value.label)
        finally:
            store_server.start()
        async with asyncio.timeout(10):
            while await failing(store, policy):  # noqa: ASYNC110 - only asking tells
                await asyncio.sleep(0.01)
        assert not await passed(store, [(policy, "a", 1)])

    run(opened, test)


async def failing(store: RedisStore, policy: Limit) -> bool:
    """Whether the store cannot answer."""
    try:
        await store.take([(policy, "a", 1)])
    except RedisUnavailableError:
        return True
    return False


def test_a_server_that_hangs_is_not_waited_for(store_server: RedisProcess, opened: Opened) -> None:
    """The request gets its error within the limit of time."""
    policy = limit()

    async def test(server: RedisServer) -> None:
        store = RedisStore(server, [policy])
        store_server.command("CLIENT", "PAUSE", 1000)
        began = asyncio.get_running_loop().time()
        with pytest.raises((RedisUnavailableError, TimeoutError)):
            await store.take([(policy, "a", 1)])
        assert asyncio.get_running_loop().time() - began < 0.5
        store_server.command("CLIENT", "UNPAUSE")

    run(opened, test)
