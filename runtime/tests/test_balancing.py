"""The algorithms that choose a server: a replica for a read, an instance for a call."""

from collections import Counter
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firstlight.balancing import (
    ALGORITHMS,
    HALF_LIFE_SECONDS,
    Load,
    Random,
    Rendezvous,
    RoundRobin,
    WeightedRoundRobin,
)


class Clock:
    """Seconds that a test sets."""

    def __init__(self) -> None:
        """Begin at 100 s."""
        self.now = 100.0

    def __call__(self) -> float:
        """The time."""
        return self.now


class Replica:
    """A server with reads."""

    def __init__(
        self, clock: Clock, in_use: int = 0, seconds: float = 0.0, *, name: str = "", weight: float = 1
    ) -> None:
        """`in_use` reads run; the last took `seconds`."""
        self.name, self.weight = name, weight
        self.load = Load(clock)
        self.load.in_use = in_use
        if seconds:
            self.load.observe(seconds)


def _replicas(*loads: tuple[int, float]) -> Sequence[Replica]:
    clock = Clock()
    return [Replica(clock, in_use, seconds, name=str(n)) for n, (in_use, seconds) in enumerate(loads)]


def _weighted(**weights: float) -> Sequence[Replica]:
    return [Replica(Clock(), name=name, weight=weight) for name, weight in weights.items()]


def test_round_robin_takes_turns() -> None:
    """Each server gets the same share, also after one is gone."""
    servers, choose = _replicas((9, 9), (0, 0), (5, 1)), RoundRobin()
    chosen = [choose(servers) for _ in range(6)]
    assert chosen == [*servers, *servers]
    assert Counter(id(choose(servers[:2])) for _ in range(10)) == {id(server): 5 for server in servers[:2]}


def test_random_reaches_every_server_about_equally() -> None:
    """10,000 choices of three servers: each gets between 30 and 37 of a hundred."""
    servers, choose = _replicas((0, 0), (0, 0), (0, 0)), Random(seed=7)
    shares = Counter(id(choose(servers)) for _ in range(10_000))
    assert all(3_000 < count < 3_700 for count in shares.values())


def test_least_connections_follows_the_reads_in_use() -> None:
    """The guide's example: of 5, 3 and 8 connections, the second server. Equal ones take turns."""
    servers, choose = _replicas((5, 0), (3, 0), (8, 0)), ALGORITHMS["least_connections"]()
    assert choose(servers) is servers[1]
    servers[0].load.in_use = 3
    assert {id(choose(servers)) for _ in range(2)} == {id(servers[0]), id(servers[1])}


def test_fastest_follows_duration_and_use() -> None:
    """A server that is four times as fast gets reads until four of them run at once."""
    servers, choose = _replicas((0, 0.004), (0, 0.001)), ALGORITHMS["fastest"]()
    for _ in range(3):
        assert choose(servers) is servers[1]
        servers[1].load.in_use += 1
    servers[1].load.in_use = 4
    assert choose(servers) is servers[0]


def test_a_slow_server_is_tried_again() -> None:
    """Its average fades, so that it does not stay unused after it has recovered."""
    clock = Clock()
    slow, quick = Replica(clock, seconds=1.0), Replica(clock, seconds=0.01)
    choose = ALGORITHMS["fastest"]()
    assert choose([slow, quick]) is quick
    for _ in range(10):
        clock.now += HALF_LIFE_SECONDS
        quick.load.observe(0.01)
    assert choose([slow, quick]) is slow


def test_the_average_rises_at_once_and_falls_slowly() -> None:
    """One slow read counts in full; a quick one after it counts a tenth."""
    load = Replica(Clock(), seconds=0.1).load
    load.observe(1.1)
    assert load.seconds == pytest.approx(1.1)
    load.observe(0.1)
    assert load.seconds == pytest.approx(1.0)


def test_weights_are_shares_and_spread_evenly() -> None:
    """The guide's example, 3 and 2: 60 % and 40 %, and never three in a row. With equal weights it is round robin."""
    servers, choose = _weighted(a=3, b=2), WeightedRoundRobin()
    assert "".join(choose(servers).name for _ in range(10)) == "ababaababa"
    equal, choose = _weighted(a=7, b=7, c=7), WeightedRoundRobin()
    assert "".join(choose(equal).name for _ in range(6)) == "abcabc"


def test_a_server_that_comes_gets_its_share_at_once_and_no_more() -> None:
    """It does not catch up with those that were there before."""
    servers, choose = _weighted(a=1, b=1, c=1), WeightedRoundRobin()
    for _ in range(100):
        choose(servers[:2])
    assert Counter(choose(servers).name for _ in range(30)) == {"a": 10, "b": 10, "c": 10}


def test_weights_of_zero() -> None:
    """Next to others such a server gets few calls; among themselves they are equal."""
    servers, choose = _weighted(a=1, b=0), WeightedRoundRobin()
    assert 5 <= Counter(choose(servers).name for _ in range(1000))["b"] <= 15
    both, choose = _weighted(a=0, b=0), WeightedRoundRobin()
    assert Counter(choose(both).name for _ in range(10)) == {"a": 5, "b": 5}


def test_a_hash_moves_only_the_keys_of_a_server_that_left() -> None:
    """Of 3,000 keys on three servers, each has about a third; those of the others stay, and hers spread over both."""
    servers = _weighted(a=1, b=1, c=1)
    keys = [f"key {n}" for n in range(3_000)]
    before = {key: Rendezvous()(servers, key).name for key in keys}
    after = {key: Rendezvous()(servers[:2], key).name for key in keys}

    assert all(900 < count < 1100 for count in Counter(before.values()).values())
    moved = [key for key in keys if before[key] != after[key]]
    assert moved == [key for key in keys if before[key] == "c"]
    assert all(400 < count < 600 for count in Counter(after[key] for key in moved).values())


def test_a_hash_follows_the_weights_and_needs_a_key() -> None:
    """A server of weight 3 has three times the keys. Without a key, servers take turns."""
    servers, choose = _weighted(a=3, b=1), Rendezvous()
    assert 2_100 < Counter(choose(servers, str(n)).name for n in range(3_000))["a"] < 2_400
    assert "".join(choose(_weighted(a=1, b=1)).name for _ in range(4)) == "abab"


@given(
    st.sampled_from(sorted(ALGORITHMS)),
    st.lists(st.tuples(st.integers(0, 100), st.floats(0, 100)), min_size=1, max_size=9),
)
def test_every_algorithm_chooses_one_of_the_servers(name: str, loads: list[tuple[int, float]]) -> None:
    """Whatever their loads are; `least_connections` never chooses a server with more reads than another."""
    servers, choose = _replicas(*loads), ALGORITHMS[name]()
    for _ in range(len(servers) + 1):
        chosen = choose(servers)
        assert chosen in servers
        if name == "least_connections":
            assert chosen.load.in_use == min(in_use for in_use, _ in loads)
