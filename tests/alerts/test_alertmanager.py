"""A real Alertmanager with the shipped configuration: what is grouped, what is held back, what arrives where."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from live import Alertmanager, Inbox, listening
from live import alertmanager as run_alertmanager

AT_ONCE = {"group_wait": "1s", "group_interval": "1s"}


@pytest.fixture
def inbox() -> Iterator[Inbox]:
    """Listen for notifications."""
    with listening() as box:
        yield box


@pytest.fixture
def alertmanager(inbox: Inbox, tmp_path: Path, programs: Path | None) -> Iterator[Alertmanager]:
    """Run Alertmanager with the shipped configuration, in a hurry."""
    with run_alertmanager(tmp_path, inbox, AT_ONCE, programs) as server:
        yield server


def burn(priority: str, slo: str = "availability", service: str = "a", env: str = "production") -> dict[str, str]:
    """One tier of ErrorBudgetBurn."""
    return {"alertname": "ErrorBudgetBurn", "priority": priority, "slo": slo, "service": service, "env": env}


def named(name: str, priority: str, service: str = "a", env: str = "production", **more: str) -> dict[str, str]:
    """One alert."""
    return {"alertname": name, "priority": priority, "service": service, "env": env, **more}


def test_a_page_holds_back_the_lower_tiers_of_its_own_objective(inbox: Inbox, alertmanager: Alertmanager) -> None:
    """P1 reaches pager and Slack; P2 and P3 of that objective wait, a ticket about another one does not."""
    alertmanager.post(burn("P1"))
    inbox.until({"pager", "slack"}.issubset)
    alertmanager.post(burn("P2"), burn("P3"), burn("P3", slo="latency"))
    received = inbox.until({"ticket"}.issubset)
    assert {alert["labels"]["slo"] for one in received["ticket"] for alert in one["alerts"]} == {"latency"}
    assert "slack-email" not in received
    assert alertmanager.suppressed() == {("ErrorBudgetBurn", "P2"), ("ErrorBudgetBurn", "P3")}


def test_a_dead_service_says_one_thing(inbox: Inbox, alertmanager: Alertmanager) -> None:
    """ServiceDown holds back everything else about that service, and nothing about the next one."""
    others = [
        named("ServiceNotReady", "P1"),
        named("TrafficVanished", "P2"),
        named("EventLoopLagging", "P3"),
        burn("P1"),
    ]
    alertmanager.post(named("ServiceDown", "P1"))
    inbox.until({"pager", "slack"}.issubset)
    alertmanager.post(*others, named("TrafficVanished", "P2", service="b"))
    received = inbox.until({"slack-email"}.issubset)
    assert "pager" not in received
    assert [one["commonLabels"]["service"] for one in received["slack-email"]] == ["b"]
    assert {name for name, _ in alertmanager.suppressed()} == {other["alertname"] for other in others}


def test_web_that_is_down_says_nothing_of_the_worker(inbox: Inbox, alertmanager: Alertmanager) -> None:
    """It holds back what is about web and about the service, with the label and without, and no alert of the worker."""
    held_back = [
        burn("P1"),
        named("MemoryNearLimit", "P2"),
        named("ServiceInstancesDown", "P3", process="web"),
    ]
    of_the_worker = [
        named("ServiceDown", "P2", process="worker"),
        named("MemoryNearLimit", "P2", service="b", process="worker"),
        named("ServiceRestarting", "P3", process="worker"),
    ]
    alertmanager.post(named("ServiceDown", "P1", process="web"), named("ServiceDown", "P1", service="b", process="web"))
    inbox.until({"pager", "slack"}.issubset)
    alertmanager.post(*held_back, *of_the_worker)
    received = inbox.until(lambda told: len(told.get("slack-email", [])) == 2)
    assert {one["commonLabels"]["process"] for one in received["slack-email"]} == {"worker"}
    # The worker that is down explains its own restarts.
    assert alertmanager.suppressed() == {
        ("ErrorBudgetBurn", "P1"),
        ("MemoryNearLimit", "P2"),
        ("ServiceInstancesDown", "P3"),
        ("ServiceRestarting", "P3"),
    }


def test_a_worker_that_is_down_hides_no_page(inbox: Inbox, alertmanager: Alertmanager) -> None:
    """Requests that fail, and a web that is not ready, ring all the same; what else is about the worker does not."""
    alertmanager.post(named("ServiceDown", "P2", process="worker"))
    inbox.until({"slack-email"}.issubset)
    alertmanager.post(burn("P1"), named("ServiceNotReady", "P1", process="web"), named("EventLoopLagging", "P3"))
    alertmanager.post(named("ServiceNotReady", "P2", process="worker"))
    paged: set[str] = set()
    while paged != {"ErrorBudgetBurn", "ServiceNotReady"}:
        paged |= {one["commonLabels"]["alertname"] for one in inbox.until({"pager"}.issubset)["pager"]}
    assert alertmanager.suppressed() == {("ServiceNotReady", "P2")}


def test_a_page_for_web_holds_back_no_lower_tier_of_the_worker(inbox: Inbox, alertmanager: Alertmanager) -> None:
    """The same alert about another process is another matter, and another notification."""
    alertmanager.post(named("ServiceNotReady", "P1", process="web"))
    inbox.until({"pager", "slack"}.issubset)
    alertmanager.post(named("ServiceNotReady", "P2", process="web"), named("ServiceNotReady", "P2", process="worker"))
    received = inbox.until({"slack-email"}.issubset)
    assert [one["groupLabels"]["process"] for one in received["slack-email"]] == ["worker"]
    assert alertmanager.suppressed() == {("ServiceNotReady", "P2")}


def test_log_only_reaches_nobody(inbox: Inbox, alertmanager: Alertmanager) -> None:
    """A P4, handed in first, is not among what arrives with a page that comes later."""
    alertmanager.post(named("CpuThrottled", "P4"))
    alertmanager.post(named("ServiceDown", "P1", service="b"))
    received = inbox.until({"pager", "slack"}.issubset)
    assert {
        alert["labels"]["priority"] for all_of in received.values() for one in all_of for alert in one["alerts"]
    } == {"P1"}


def test_staging_wakes_nobody(inbox: Inbox, alertmanager: Alertmanager) -> None:
    """A P1 outside production goes to its own channel and to no pager."""
    alertmanager.post(named("ServiceDown", "P1", env="staging"))
    assert inbox.until(bool).keys() == {"non-production"}


def test_objectives_of_one_service_are_one_page(inbox: Inbox, alertmanager: Alertmanager) -> None:
    """Availability and latency burning together ring once."""
    alertmanager.post(burn("P1"), burn("P1", slo="latency"))
    received = inbox.until({"pager", "slack"}.issubset)
    assert [len(one["alerts"]) for one in received["pager"]] == [2]


def test_the_receivers_of_a_page_get_its_resolution(inbox: Inbox, alertmanager: Alertmanager) -> None:
    """Every receiver of the page is notified when it resolves."""
    alertmanager.post(named("ServiceDown", "P1"))
    inbox.until({"pager", "slack"}.issubset)
    alertmanager.post(named("ServiceDown", "P1"), ended=True)
    received = inbox.until({"pager", "slack"}.issubset)
    assert {one["status"] for all_of in received.values() for one in all_of} == {"resolved"}
