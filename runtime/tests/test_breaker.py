"""A breaker opens by ratios within a window, refuses, lets a few probes pass, and says so in metrics and log lines."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from firstlight import ArrangementError, Settings
from firstlight.breaker import Breaker, BreakerOpenError, BreakerPolicy
from firstlight.logs import pipeline
from firstlight.metrics.instruments import REGISTRY
from firstlight.testing.lines import Lines

from .faults import IDENTITY

POLICY = BreakerPolicy(window_seconds=30, minimum_calls=4, failure_ratio=0.5, open_seconds=5, probes=2)


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        """Begin at a moment that is not 0."""
        self.now = 1000.0

    def __call__(self) -> float:
        """The time in seconds."""
        return self.now


@pytest.fixture
def clock() -> Clock:
    """A clock that a test moves."""
    return Clock()


def _breaker(clock: Clock, **policy: Any) -> Breaker:
    values = {name: getattr(POLICY, name) for name in BreakerPolicy.__slots__}
    return Breaker("scales", BreakerPolicy(**{**values, **policy}), component="test", clock=clock)


async def _fine() -> str:
    return "fine"


async def _down() -> str:
    msg = "down"
    raise ConnectionError(msg)


async def _calls(breaker: Breaker, *works: Callable[[], Awaitable[str]]) -> list[str]:
    """What each call returned, or the name of what it raised."""
    results = []
    for work in works:
        try:
            results.append(await breaker.call(work))
        except (ConnectionError, BreakerOpenError) as error:
            results.append(type(error).__name__)
    return results


def _value(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, {"component": "test", "dependency": "scales", **labels}) or 0


def test_it_opens_when_half_of_the_calls_fail(clock: Clock) -> None:
    """Not before there are enough calls. Then nothing is called, and the error says when to try again."""
    breaker = _breaker(clock)
    calls = asyncio.run(_calls(breaker, _down, _fine, _down, _fine, _fine))
    assert calls == ["ConnectionError", "fine", "ConnectionError", "fine", "BreakerOpenError"]

    clock.now += 1.5
    with pytest.raises(BreakerOpenError) as refused:
        asyncio.run(breaker.call(_fine))
    assert refused.value.status == 503
    assert refused.value.headers == {"Retry-After": "4"}
    assert refused.value.members == {"dependency": "scales"}
    assert "scales" in refused.value.detail


def test_calls_count_for_the_length_of_the_window(clock: Clock) -> None:
    """Failures of a minute ago say nothing about now."""
    breaker = _breaker(clock)
    asyncio.run(_calls(breaker, _down, _down, _down))
    clock.now += 31
    asyncio.run(_calls(breaker, _down, _fine, _fine, _fine))
    assert breaker.state == "closed"


def test_slow_calls_open_it_too(clock: Clock) -> None:
    """Although each has succeeded."""
    breaker = _breaker(clock, slow_seconds=0.5, slow_ratio=0.75)

    async def slow() -> str:
        clock.now += 0.6
        return "late"

    asyncio.run(_calls(breaker, _fine, slow, slow, slow))
    assert breaker.state == "open"


def test_a_limited_number_of_probes_passes_while_it_is_half_open(clock: Clock) -> None:
    """Of 20 calls at once two pass. When they succeed, it closes."""
    breaker = _breaker(clock)
    called = 0

    async def run() -> list[str | BaseException]:
        await _calls(breaker, _down, _down, _down, _down)
        clock.now += 5
        answer = asyncio.Event()

        async def probe() -> str:
            nonlocal called
            called += 1
            await answer.wait()
            return "fine"

        calls = [asyncio.create_task(breaker.call(probe)) for _ in range(20)]
        await asyncio.sleep(0)
        assert breaker.state == "half_open"
        answer.set()
        return await asyncio.gather(*calls, return_exceptions=True)

    results = asyncio.run(run())
    assert called == 2
    assert results.count("fine") == 2
    assert sum(isinstance(result, BreakerOpenError) for result in results) == 18
    assert breaker.state == "closed"


def test_probes_that_fail_open_it_again(clock: Clock) -> None:
    """For the same time as before."""
    breaker = _breaker(clock)
    asyncio.run(_calls(breaker, _down, _down, _down, _down))
    clock.now += 5
    assert breaker.state == "half_open"
    assert asyncio.run(_calls(breaker, _down, _down, _fine))[-1] == "BreakerOpenError"
    assert breaker.state == "open"
    clock.now += 5
    assert asyncio.run(_calls(breaker, _fine, _fine, _fine)) == ["fine"] * 3
    assert breaker.state == "closed"


def test_a_cancelled_probe_leaves_its_place_to_another(clock: Clock) -> None:
    """It says nothing about the dependency."""
    breaker = _breaker(clock, probes=1)

    async def run() -> None:
        await _calls(breaker, _down, _down, _down, _down)
        clock.now += 5
        probe = asyncio.create_task(breaker.call(asyncio.Event().wait))
        await asyncio.sleep(0)
        probe.cancel()
        await asyncio.gather(probe, return_exceptions=True)
        assert breaker.state == "half_open"
        assert await _calls(breaker, _fine) == ["fine"]

    asyncio.run(run())
    assert breaker.state == "closed"


def test_the_caller_says_what_a_failure_is(clock: Clock) -> None:
    """By the result, or by the error."""
    breaker = Breaker(
        "scales", POLICY, component="test", clock=clock, is_failure=lambda result, error: result == "fine" or not error
    )
    asyncio.run(_calls(breaker, _down, _down, _down, _down, _down))
    assert breaker.state == "closed"
    asyncio.run(_calls(breaker, _fine, _fine, _fine, _fine, _fine))
    assert breaker.state == "open"


def test_a_failure_after_the_call_counts_too(clock: Clock) -> None:
    """Such as a body that ends too early. In an open breaker it changes nothing."""
    breaker = _breaker(clock)
    for _ in range(5):
        breaker.failed(ConnectionError())
    assert breaker.state == "open"


def test_transitions_are_counted_and_logged(clock: Clock, settings: Settings, lines: Lines) -> None:
    """The gauge is right although nobody calls: an open breaker is half-open when its time is over."""
    pipeline.configure(settings, IDENTITY, lines)
    names = {state: f"circuit_breaker_{state}" for state in ("state", "refused_total", "transitions_total")}
    opened, refused = _value(names["transitions_total"], state="open"), _value(names["refused_total"])
    breaker = _breaker(clock)
    assert _value(names["state"]) == 0

    asyncio.run(_calls(breaker, _down, _down, _fine, _down, _down))
    assert (_value(names["state"]), _value(names["refused_total"])) == (2, refused + 1)
    assert _value(names["transitions_total"], state="open") == opened + 1
    clock.now += 5
    assert _value(names["state"]) == 1
    asyncio.run(_calls(breaker, _fine, _fine))
    assert _value(names["state"]) == 0

    assert [line["event"] for line in lines.events] == ["breaker.opened", "breaker.half_opened", "breaker.closed"]
    line = lines.events[0]
    assert (line["level"], line["component"], line["dependency"]) == ("warning", "test", "scales")
    assert (line["calls"], line["failed"], line["slow"]) == (4, 3, 0)


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"failure_ratio": 0}, "failure_ratio of a BreakerPolicy must be above 0 and at most 1, not 0"),
        ({"slow_ratio": 1.5}, "slow_ratio of a BreakerPolicy must be above 0 and at most 1, not 1.5"),
        ({"minimum_calls": 0}, "minimum_calls of a BreakerPolicy must be at least 1, not 0"),
        ({"open_seconds": float("nan")}, "open_seconds of a BreakerPolicy must be seconds above 0, not nan"),
        ({"slow_seconds": -1}, "slow_seconds of a BreakerPolicy must be seconds above 0, or None, not -1"),
    ],
)
def test_numbers_that_cannot_work_are_refused(values: dict[str, Any], sentence: str) -> None:
    """By one sentence, when the page of the service is imported."""
    with pytest.raises(ArrangementError, match=sentence):
        BreakerPolicy(**values)
