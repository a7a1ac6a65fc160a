"""Who has waited too long is refused, and the limit falls while a queue stands."""

import pytest

from firstlight import Settings
from firstlight.identity import Identity
from firstlight.logs import pipeline
from firstlight.metrics.instruments import REGISTRY
from firstlight.requests.shedding import Shedder
from firstlight.testing.lines import Lines

SECOND = 1_000_000_000
LIMIT, STANDING = SECOND, SECOND // 5


@pytest.fixture
def shedder(settings: Settings, lines: Lines) -> Shedder:
    """One with a limit of a second."""
    pipeline.configure(settings, Identity(name="sample", version="1"), lines)
    return Shedder("event_loop", 1)


def _shed() -> float:
    return REGISTRY.get_sample_value("http_server_shed_requests_total") or 0.0


def _second(shedder: Shedder, wait: int, moment: int, requests: int = 20) -> list[bool]:
    """Twenty requests of one second that have all waited for so long."""
    return [shedder.sheds(wait, moment + number * SECOND // requests) for number in range(requests)]


def test_a_request_that_waited_too_long_is_refused(shedder: Shedder) -> None:
    """It is counted as well."""
    before = _shed()

    assert not shedder.sheds(LIMIT, SECOND)
    assert shedder.sheds(LIMIT + 1, SECOND)
    assert _shed() == before + 1


def test_a_burst_may_wait_for_the_whole_limit(shedder: Shedder) -> None:
    """As long as one request of a second came through quickly, the queue drains."""
    for second in range(1, 5):
        assert not shedder.sheds(0, second * SECOND)
        assert not any(_second(shedder, LIMIT // 2, second * SECOND))


def test_while_a_queue_stands_the_limit_is_a_fifth(shedder: Shedder) -> None:
    """From the second interval on, so that those who are served have not waited for long."""
    assert not any(_second(shedder, LIMIT // 2, 10 * SECOND))

    assert all(_second(shedder, LIMIT // 2, 11 * SECOND))
    assert not any(_second(shedder, STANDING, 12 * SECOND))


def test_a_queue_that_drains_has_the_whole_limit_again(shedder: Shedder) -> None:
    """One interval with a quick request is enough."""
    _second(shedder, LIMIT // 2, 10 * SECOND)
    _second(shedder, 0, 11 * SECOND)

    assert not any(_second(shedder, LIMIT // 2, 12 * SECOND))


def test_a_few_slow_requests_are_no_queue(shedder: Shedder) -> None:
    """A service with little traffic and one slow handler is not overloaded."""
    _second(shedder, LIMIT // 2, 10 * SECOND, requests=5)

    assert not any(_second(shedder, LIMIT // 2, 11 * SECOND, requests=5))


def test_what_happened_long_ago_says_nothing(shedder: Shedder) -> None:
    """After a pause the limit is the whole one."""
    _second(shedder, LIMIT // 2, 10 * SECOND)

    assert not shedder.sheds(LIMIT // 2, 60 * SECOND)


def test_zero_switches_it_off() -> None:
    """No request is refused."""
    shedder = Shedder("event_loop", 0)

    assert not any(_second(shedder, 3600 * SECOND, SECOND))
    assert shedder.patience(3600 * SECOND) is None


def test_patience_is_what_is_left_of_the_limit(shedder: Shedder) -> None:
    """In seconds, and never negative."""
    assert shedder.patience(SECOND // 4) == 0.75
    assert shedder.patience(2 * SECOND) == 0


def test_overload_is_logged_when_it_begins_and_when_it_ends(shedder: Shedder, lines: Lines) -> None:
    """One line each, however many requests are refused."""
    for second in range(10, 13):
        _second(shedder, 2 * LIMIT, second * SECOND)
    for second in range(13, 16):
        _second(shedder, 0, second * SECOND)

    (started,), (ended,) = lines.named("service.shedding_started"), lines.named("service.shedding_ended")
    assert (started["queue"], started["level"], started["waited_seconds"]) == ("event_loop", "warning", 2.0)
    assert (ended["queue"], ended["level"]) == ("event_loop", "info")
