"""The store in the process: all or nothing, and limited in memory whatever keys clients choose."""

import inspect
import time
import tracemalloc
from collections.abc import Iterator

import pytest

from firstlight.metrics.instruments import REGISTRY
from firstlight.rate_limits import Limit, MemoryStore

SECOND = 1_000_000_000
MILLION = 1_000_000
MIB = 1 << 20


class Clock:
    """A clock that the test moves."""

    def __init__(self) -> None:
        """Begin where no machine begins."""
        self.now = 10**15

    def __call__(self) -> int:
        """Nanoseconds."""
        return self.now

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.now += round(seconds * SECOND)


@pytest.fixture
def clock() -> Clock:
    """A clock that stands still."""
    return Clock()


def limit(name: str = "by_address", **fields: object) -> Limit:
    """Ten a minute, unless `fields` say something else."""
    return Limit(**{"name": name, "rate": "10/minute", **fields})  # type: ignore[arg-type] # what the test needs


def sample(metric: str, policy: str) -> float:
    """The value of a metric of one policy."""
    return REGISTRY.get_sample_value(metric, {"policy": policy}) or 0


def networks(number: int) -> Iterator[str]:
    """Keys as an attacker with a large IPv6 network can have them: each is one /64."""
    return (f"2001:db8:{i >> 16:x}:{i & 0xFFFF:x}::/64" for i in range(number))


def test_keys_do_not_share_a_counter(clock: Clock) -> None:
    """Nor do limits with the same key."""
    first, second = limit("first", burst=1), limit("second", burst=1)
    store = MemoryStore([first, second], clock=clock)

    assert [store.take([(first, key, 1)])[0][0] == 0 for key in ("a", "a", "b")] == [True, False, True]
    assert store.take([(second, "a", 1)])[0][0] == 0


def test_a_refused_request_uses_up_nothing(clock: Clock) -> None:
    """Neither of the limit that refuses, nor of those that would let it pass."""
    wide, narrow = limit("wide", burst=5), limit("narrow", burst=1)
    store = MemoryStore([wide, narrow], clock=clock)
    store.take([(wide, "a", 1), (narrow, "a", 1)])

    for _ in range(100):
        passing, refusing = store.take([(wide, "a", 1), (narrow, "a", 1)])
        assert passing[0] == 0
        assert refusing[0] == 6 * SECOND

    assert store.take([(wide, "a", 1)])[0][1] == 3
    clock.sleep(6)
    assert [standing[0] for standing in store.take([(wide, "a", 1), (narrow, "a", 1)])] == [0, 0]


@pytest.mark.parametrize("algorithm", ["token_bucket", "sliding_window"])
def test_a_million_addresses_do_not_fill_the_memory(clock: Clock, algorithm: str) -> None:
    """The number of keys has a limit, and so has the size of each."""
    attacked = limit("attacked", algorithm=algorithm)
    store = MemoryStore([attacked], clock=clock, max_keys=10_000)
    evicted = sample("rate_limit_evicted_keys_total", "attacked")

    tracemalloc.start()
    try:
        for key in networks(20_000):
            store.take([(attacked, key, 1)])
        full, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()  # it takes longer than the store
        for number in range(MILLION if algorithm == "token_bucket" else 50_000):
            store.take([(attacked, f"{number:x}::/64", 1)])
    finally:
        tracemalloc.stop()

    assert full < 5 * MIB
    assert 5000 < sample("rate_limit_keys", "attacked") <= 10_000
    assert sample("rate_limit_evicted_keys_total", "attacked") - evicted >= number


def test_who_is_refused_is_not_forgotten_in_an_attack(clock: Clock) -> None:
    """The keys that were used last are kept: an attacker cannot push its own out while it uses it."""
    attacked = limit("pushed", burst=1)
    store = MemoryStore([attacked], clock=clock, max_keys=1000)
    store.take([(attacked, "heavy", 1)])

    passed = 0
    for number, key in enumerate(networks(20_000)):
        store.take([(attacked, key, 1)])
        if number % 100 == 0:
            passed += store.take([(attacked, "heavy", 1)])[0][0] == 0

    assert passed == 0


@pytest.mark.parametrize("algorithm", ["token_bucket", "leaky_bucket", "fixed_window", "sliding_window"])
def test_expired_keys_leave_without_an_eviction(clock: Clock, algorithm: str) -> None:
    """After their time, with the next request of any key."""
    short = limit(f"short_{algorithm}", algorithm=algorithm)
    store = MemoryStore([short], clock=clock)
    for key in networks(5000):
        store.take([(short, key, 1)])
    assert sample("rate_limit_keys", short.name) == 5000

    for _ in range(3):
        clock.sleep(62)
        store.take([(short, "alone", 1)])

    assert sample("rate_limit_keys", short.name) == 1
    assert sample("rate_limit_evicted_keys_total", short.name) == 0


@pytest.mark.parametrize("algorithm", ["token_bucket", "leaky_bucket", "fixed_window", "sliding_window"])
def test_a_key_is_counted_across_generations(clock: Clock, algorithm: str) -> None:
    """A state is not lost while it has a meaning: the store decides like the algorithm alone, at all times."""
    kept, alone = limit("kept", algorithm=algorithm), limit("alone", algorithm=algorithm)
    store, other = MemoryStore([kept], clock=clock, max_keys=20), MemoryStore([alone], clock=clock)
    for number in range(2000):
        clock.sleep(number % 7)
        store.take([(kept, f"other {number % 9}", 1)])
        assert store.take([(kept, "a", 1)]) == other.take([(alone, "a", 1)])


def test_the_wall_clock_does_not_matter() -> None:
    """Somebody may set it back by a day, and every client would be refused for that long."""
    defaults = inspect.signature(MemoryStore).parameters

    assert defaults["clock"].default is time.monotonic_ns
