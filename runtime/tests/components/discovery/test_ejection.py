"""When instances are ejected, for how long, and how many of them. The time is that of the test."""

from collections.abc import Mapping
from typing import Any

import pytest

from firstlight.balancing import RoundRobin
from firstlight.components.http_client import Dependency
from firstlight.components.http_client.discovery.ejection import Ejection, Member
from firstlight.components.http_client.discovery.instance import Instance
from firstlight.components.http_client.discovery.members import Members
from firstlight.errors import ArrangementError

from .opened import captured, instances, value

POLICY = Ejection(failures=3, ratio=0.5, calls=10, first_seconds=5, longest_seconds=60, most=0.5)


class Clock:
    """Seconds that a test sets."""

    def __init__(self) -> None:
        """Begin at 100 s."""
        self.now = 100.0

    def __call__(self) -> float:
        """The time."""
        return self.now


@pytest.fixture
def clock() -> Clock:
    """The time."""
    return Clock()


def _members(clock: Clock, number: int) -> Members:
    members = Members("scales", RoundRobin(), POLICY, clock)
    members.replace([Instance("h", port) for port in range(number)])
    return members


def _call(members: Members, *, failed: bool | None, name: str = "h:0", repeatable: bool = True) -> str:
    """Call one instance: any other one is as if it was tried before."""
    others = [f"h:{port}" for port in range(9) if f"h:{port}" != name]
    member = members.choose(others, "", repeatable=repeatable)
    members.ended(member, failed=failed)
    return member.name


def _fail(members: Members, times: int = 3, name: str = "h:0") -> None:
    for _ in range(times):
        _call(members, failed=True, name=name)


def test_failures_in_a_row_eject_and_others_do_not(clock: Clock) -> None:
    """A success between them begins the count again."""
    members = _members(clock, 4)
    _fail(members, 2)
    _call(members, failed=False)
    _fail(members, 2)
    assert instances() == (4, 0)
    _fail(members, 1)
    assert instances() == (3, 1)


def test_a_share_of_failures_ejects(clock: Clock) -> None:
    """Every second call fails, never three in a row. Old calls count less and less."""
    members = _members(clock, 4)
    before = value("http_client_ejections_total", reason="failure_ratio")
    for _ in range(4):
        _call(members, failed=False)
        _call(members, failed=True)
    clock.now += 100
    for _ in range(4):
        _call(members, failed=False)
        _call(members, failed=True)
    assert instances() == (4, 0)
    _call(members, failed=False)
    _call(members, failed=True)
    assert instances() == (3, 1)
    assert value("http_client_ejections_total", reason="failure_ratio") == before + 1


def test_the_time_doubles_with_each_failed_trial_and_has_a_limit(clock: Clock) -> None:
    """5, 10, 20, 40, 60, 60 s. A trial that succeeds ends it."""
    members = _members(clock, 4)
    with captured() as lines:
        _fail(members)
        for seconds in (5, 10, 20, 40, 60, 60):
            clock.now += seconds - 0.1
            assert _call(members, failed=False) != "h:0"
            clock.now += 0.1
            assert _call(members, failed=True) == "h:0"
        clock.now += 60
        assert _call(members, failed=False) == "h:0"
    assert instances() == (4, 0)
    ejected = lines.named("http_client.instance_ejected")
    assert [line["seconds"] for line in ejected] == [5, 10, 20, 40, 60, 60, 60]
    assert {line["reason"] for line in ejected[1:]} == {"failed_trial"}
    (returned,) = lines.named("http_client.instance_returned")
    assert returned["ejected_seconds"] == 60


def test_a_relapse_counts_on_and_an_old_ejection_does_not(clock: Clock) -> None:
    """An instance that fails again soon is away for longer; after a long good time it begins again."""
    members = _members(clock, 4)
    with captured() as lines:
        _fail(members)
        for pause in (5, 10):
            clock.now += pause
            _call(members, failed=False)
            _fail(members)
        clock.now += 20
        _call(members, failed=False)
        clock.now += 2 * POLICY.longest_seconds + 1
        _fail(members)
    assert [line["seconds"] for line in lines.named("http_client.instance_ejected")] == [5, 10, 20, 5]


def test_one_call_is_the_trial(clock: Clock) -> None:
    """Until it has ended, others go elsewhere. A cancelled one says nothing: the next call is the trial."""
    members = _members(clock, 4)
    _fail(members)
    clock.now += 5
    first = members.choose((), "", repeatable=True)
    assert first.name == "h:0"
    assert {members.choose((), "", repeatable=True).name for _ in range(6)} == {"h:1", "h:2", "h:3"}
    members.ended(first, failed=None)
    assert instances() == (3, 1)
    assert members.choose((), "", repeatable=True) is first


def test_a_call_that_cannot_be_repeated_is_a_trial_only_if_there_is_no_other(clock: Clock) -> None:
    """A POST waits twice as long for a trial, so that a GET, which can go elsewhere, comes first."""
    members = _members(clock, 4)
    _fail(members)
    clock.now += 5
    assert _call(members, failed=False, repeatable=False) != "h:0"
    clock.now += 5
    assert _call(members, failed=False, repeatable=False) == "h:0"


@pytest.mark.parametrize(("number", "most"), [(1, 0), (2, 1), (3, 1), (4, 2), (5, 2)])
def test_no_more_than_half_are_ejected(clock: Clock, number: int, most: int) -> None:
    """A fault that all have, such as in their database, must not leave one of them with all calls."""
    members = _members(clock, number)
    for port in range(number):
        _fail(members, 9, name=f"h:{port}")
    assert instances() == (number - most, most)


def test_when_others_leave_the_longest_ejected_returns(clock: Clock) -> None:
    """Two of four are ejected, and two good ones leave: one of the two is used again."""
    members = _members(clock, 4)
    _fail(members, name="h:0")
    clock.now += 1
    _fail(members, name="h:1")
    with captured() as lines:
        members.replace([Instance("h", 0), Instance("h", 1)])
    assert instances() == (1, 1)
    (returned,) = lines.named("http_client.instance_returned")
    assert (returned["instance"], returned["reason"]) == ("h:0", "too few others are known")


def test_an_instance_that_stays_keeps_its_ejection_and_one_that_comes_back_does_not(clock: Clock) -> None:
    """A lookup that finds it again does not return it. A pod with an address of before is another one."""
    members = _members(clock, 4)
    _fail(members)
    members.replace([Instance("h", port, weight=2) for port in range(4)])
    assert instances() == (3, 1)
    members.replace([Instance("h", port) for port in range(1, 4)])
    assert instances() == (3, 0)
    members.replace([Instance("h", port) for port in range(4)])
    assert instances() == (4, 0)


def test_an_instance_that_left_during_its_call_is_not_ejected(clock: Clock) -> None:
    """Nothing counts it."""
    members = _members(clock, 4)
    leaving = members.choose(["h:1", "h:2", "h:3"], "", repeatable=True)
    members.replace([Instance("h", port) for port in range(1, 4)])
    before = instances()
    for _ in range(9):
        members.ended(leaving, failed=True)
    assert instances() == before


def test_a_member_has_a_name_that_a_url_can_have() -> None:
    """An IPv6 address is in brackets."""
    assert Member(Instance("::1", 80), POLICY).name == "[::1]:80"


@pytest.mark.parametrize(
    ("numbers", "must"),
    [
        ({"failures": 0}, "must have numbers above 0"),
        ({"ratio": -1}, "must have numbers above 0"),
        ({"first_seconds": 10, "longest_seconds": 5}, "longest_seconds of at least first_seconds"),
        ({"most": 1}, "must have a share from 0 to below 1 in most"),
    ],
)
def test_numbers_that_cannot_work_are_refused(numbers: Mapping[str, Any], must: str) -> None:
    """When they are declared, with one sentence."""
    with pytest.raises(ArrangementError, match=must):
        Ejection(**numbers)


def test_a_dependency_names_an_algorithm_that_there_is() -> None:
    """The guide's name for a hash is another one."""
    with pytest.raises(ArrangementError, match=r"must have one of round_robin, .* in balancing, not 'ip_hash'"):
        Dependency("scales", balancing="ip_hash")
