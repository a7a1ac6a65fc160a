"""Each algorithm against a simple model of it, while time moves in arbitrary steps."""

from collections.abc import Sequence
from fractions import Fraction
from typing import Any, NamedTuple

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from firstlight.rate_limits import Limit
from firstlight.rate_limits.algorithms import SLOTS, Rule, rule

SECOND = 1_000_000_000
EXAMPLES = settings(max_examples=60, deadline=None, database=None, phases=(Phase.explicit, Phase.generate))

UNITS = ("second", "minute", "hour", "15 minutes")
# Nothing, nanoseconds around a border, parts of a period, and long silence.
STEPS = st.one_of(
    st.just(0), st.integers(1, 5), st.integers(1, 90 * SECOND), st.integers(1, 2 * SECOND), st.integers(1, 10**14)
)
REQUESTS = st.lists(st.tuples(STEPS, st.integers(1, 4)), min_size=1, max_size=40)
STARTS = st.integers(0, 10**18)


class Passed(NamedTuple):
    """A request that was let through."""

    moment: int
    cost: int


class Counter:
    """One key of one limit, as a store handles it."""

    def __init__(self, limit: Limit, now: int) -> None:
        """No request yet."""
        self.rule: Rule = rule(limit)
        self.now = now
        self.state: Any = None
        self.passed: list[Passed] = []

    def ask(self, step: int, cost: int) -> tuple[int, int, int]:
        """Where the key stands after one more request, `step` nanoseconds later."""
        self.now += step
        state, standing = self.rule.decide(self.state, self.now, cost)
        if not standing[0]:
            self.state = state
            self.passed.append(Passed(self.now, cost))
        return standing


def limits(algorithm: str) -> st.SearchStrategy[Limit]:
    """Small limits of all shapes. Every cost of `REQUESTS` can pass."""
    bursts = st.integers(4, 12) if "bucket" in algorithm else st.none()
    return st.builds(
        lambda count, unit, burst: Limit(name="all", rate=f"{count}/{unit}", burst=burst, algorithm=algorithm),  # type: ignore[arg-type] # one of the four
        st.integers(4, 12),
        st.sampled_from(UNITS),
        bursts,
    )


class Bucket:
    """The textbook: tokens flow in, a request takes some. Exact numbers."""

    def __init__(self, limit: Limit, now: int) -> None:
        """Full."""
        self.rate = Fraction(limit.limit, limit.period)
        self.capacity = limit.capacity
        self.tokens = Fraction(self.capacity)
        self.now = now

    def at(self, now: int) -> Fraction:
        """The tokens at a moment."""
        return min(Fraction(self.capacity), self.tokens + (now - self.now) * self.rate)

    def take(self, now: int, cost: int) -> None:
        """Take tokens."""
        self.tokens, self.now = self.at(now) - cost, now


@pytest.mark.parametrize("algorithm", ["token_bucket", "leaky_bucket"])
@given(data=st.data(), requests=REQUESTS, start=STARTS)
@EXAMPLES
def test_buckets(algorithm: str, data: st.DataObject, requests: Sequence[tuple[int, int]], start: int) -> None:
    """They decide as the textbook does, except that a token takes up to a nanosecond longer."""
    limit = data.draw(limits(algorithm))
    counter, model = Counter(limit, start), Bucket(limit, start)
    slack = limit.capacity * Fraction(limit.limit, limit.period)  # tokens, for as many nanoseconds
    for step, cost in requests:
        wait, left, _ = counter.ask(step, cost)
        tokens = model.at(counter.now)
        if wait:
            assert tokens < cost + slack
            assert 0 <= left < cost
        else:
            assert tokens >= cost
            model.take(counter.now, cost)
            assert left in {int(tokens - cost), int(tokens - cost - slack)}


@given(data=st.data(), requests=REQUESTS, start=STARTS)
@EXAMPLES
def test_a_fixed_window(data: st.DataObject, requests: Sequence[tuple[int, int]], start: int) -> None:
    """A period from the first request on has a count; the first request after its end begins the next."""
    limit = data.draw(limits("fixed_window"))
    counter = Counter(limit, start)
    end = count = 0
    for step, cost in requests:
        wait, left, reset = counter.ask(step, cost)
        if counter.now >= end:
            end, count = counter.now + limit.period, 0
        if count + cost <= limit.limit:
            count += cost
            assert (wait, left, reset) == (0, limit.limit - count, end - counter.now)
        else:
            assert (wait, left, reset) == (end - counter.now, limit.limit - count, end - counter.now)


@given(data=st.data(), requests=REQUESTS, start=STARTS)
@EXAMPLES
def test_a_sliding_window(data: st.DataObject, requests: Sequence[tuple[int, int]], start: int) -> None:
    """No period has more than the limit, and nothing is refused that would fit in a period and one slot."""
    limit = data.draw(limits("sliding_window"))
    counter = Counter(limit, start)
    longer = (SLOTS + 1) * -(-limit.period // SLOTS)
    for step, cost in requests:
        before = list(counter.passed)
        wait, left, _ = counter.ask(step, cost)
        within = sum(each.cost for each in before if each.moment > counter.now - limit.period)
        within_longer = sum(each.cost for each in before if each.moment > counter.now - longer)
        if wait:
            assert within_longer + cost > limit.limit
        else:
            assert within + cost <= limit.limit
            assert limit.limit - within_longer - cost <= left <= limit.limit - within - cost


@pytest.mark.parametrize("algorithm", ["token_bucket", "leaky_bucket", "fixed_window", "sliding_window"])
@given(data=st.data(), requests=REQUESTS, start=STARTS)
@EXAMPLES
def test_who_waits_may_pass(
    algorithm: str, data: st.DataObject, requests: Sequence[tuple[int, int]], start: int
) -> None:
    """After `wait` the request passes; after `reset` the whole limit is there; in neither case earlier."""
    limit = data.draw(limits(algorithm))
    counter = Counter(limit, start)
    for step, cost in requests:
        wait, _, reset = counter.ask(step, cost)
        if wait:
            assert counter.rule.decide(counter.state, counter.now + wait - 1, cost)[1][0] == 1
            assert counter.rule.decide(counter.state, counter.now + wait, cost)[1][0] == 0
        assert reset <= counter.rule.lifetime
        assert counter.rule.decide(counter.state, counter.now + reset, limit.capacity)[1][0] == 0
        later = counter.now + counter.rule.lifetime
        assert counter.rule.decide(counter.state, later, 1)[1] == counter.rule.decide(None, later, 1)[1]


@pytest.mark.parametrize(
    ("algorithm", "burst", "asked"),
    [
        ("token_bucket", None, [(0, 20, 10), (59, 20, 9), (1, 20, 1), (3600, 20, 10)]),
        ("token_bucket", 3, [(0, 20, 3), (5, 20, 0), (1, 20, 1), (12, 20, 2), (3600, 20, 3)]),
        ("leaky_bucket", None, [(0, 20, 1), (5, 20, 0), (1, 20, 1), (3600, 20, 1)]),
        ("fixed_window", None, [(0, 1, 1), (59, 20, 9), (1, 20, 10), (59, 20, 0)]),
        ("sliding_window", None, [(0, 1, 1), (59, 20, 9), (1, 20, 0), (2, 20, 1), (57, 20, 0), (1, 20, 9)]),
    ],
)
def test_how_they_differ(algorithm: Any, burst: int | None, asked: Sequence[tuple[int, int, int]]) -> None:
    """Ten a minute, as documented: seconds later, so many requests at once, of which so many pass."""
    counter = Counter(Limit(name="all", rate="10/minute", algorithm=algorithm, burst=burst), 0)
    for seconds, requests, passing in asked:
        counter.now += seconds * SECOND
        assert sum(counter.ask(0, 1)[0] == 0 for _ in range(requests)) == passing, seconds


@pytest.mark.parametrize("algorithm", ["token_bucket", "leaky_bucket", "fixed_window", "sliding_window"])
def test_a_state_stays_small(algorithm: Any) -> None:
    """However many requests one key sends."""
    counter = Counter(Limit(name="all", rate="100000/second", algorithm=algorithm), 0)
    for _ in range(5000):
        counter.ask(SECOND // 1000, 1)

    assert str(counter.state).count(",") <= SLOTS + 2


@pytest.mark.parametrize("algorithm", ["token_bucket", "leaky_bucket"])
def test_a_rate_that_does_not_divide_a_second(algorithm: Any) -> None:
    """Seven in a second are never more than seven: what one token takes is rounded up, and the error stays small."""
    counter = Counter(Limit(name="all", rate="7/second", algorithm=algorithm, burst=1), 0)
    for number in range(7000):
        if wait := counter.ask(0, 1)[0]:
            assert counter.ask(wait, 1)[0] == 0
        assert Fraction(number * SECOND, 7) <= counter.now <= Fraction(number * SECOND, 7) + number


def test_a_client_below_the_rate_is_never_refused() -> None:
    """However its requests fall between whole seconds."""
    counter = Counter(Limit(name="all", rate="24/minute", burst=5), 0)

    assert all(counter.ask(round(2.6 * SECOND), 1)[0] == 0 for _ in range(500))
