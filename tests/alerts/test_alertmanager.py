"""A real Alertmanager with the shipped configuration: grouping, inhibition and receivers."""

from live import Alertmanager, Inbox


def burn(priority: str, slo: str = "availability", service: str = "a", env: str = "production") -> dict[str, str]:
    """One tier of ErrorBudgetBurn."""
    return {"alertname": "ErrorBudgetBurn", "priority": priority, "slo": slo, "service": service, "env": env}


def named(name: str, priority: str, service: str = "a", env: str = "production", **more: str) -> dict[str, str]:
    """One alert."""
    return {"alertname": name, "priority": priority, "service": service, "env": env, **more}


def test_a_page_inhibits_the_lower_tiers_of_its_objective(inbox: Inbox, alertmanager: Alertmanager) -> None:
    """P1 reaches pager and Slack; P2 and P3 of that objective are inhibited, a ticket of another one is not."""
    alertmanager.post(burn("P1"))
    inbox.until({"pager", "slack"}.issubset)
    alertmanager.post(burn("P2"), burn("P3"), burn("P3", slo="latency"))
    received = inbox.until({"ticket"}.issubset)
    assert {alert["labels"]["slo"] for one in received["ticket"] for alert in one["alerts"]} == {"latency"}
    assert "slack-email" not in received
    assert alertmanager.suppressed() == {("ErrorBudgetBurn", "P2"), ("ErrorBudgetBurn", "P3")}


def test_service_down_inhibits_all_other_alerts_of_the_service(inbox: Inbox, alertmanager: Alertmanager) -> None:
    """ServiceDown inhibits the other alerts of that service, and none of another service."""
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


def test_web_down_inhibits_no_alert_of_the_worker(inbox: Inbox, alertmanager: Alertmanager) -> None:
    """It inhibits alerts about web and about the service, with and without the label, but none about the worker."""
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
    # ServiceDown of the worker inhibits ServiceRestarting of the worker.
    assert alertmanager.suppressed() == {
        ("ErrorBudgetBurn", "P1"),
        ("MemoryNearLimit", "P2"),
        ("ServiceInstancesDown", "P3"),
        ("ServiceRestarting", "P3"),
    }


def test_worker_down_inhibits_no_page(inbox: Inbox, alertmanager: Alertmanager) -> None:
    """Failing requests and a web that is not ready still page; other alerts about the worker are inhibited."""
    alertmanager.post(named("ServiceDown", "P2", process="worker"))
    inbox.until({"slack-email"}.issubset)
    alertmanager.post(burn("P1"), named("ServiceNotReady", "P1", process="web"), named("EventLoopLagging", "P3"))
    alertmanager.post(named("ServiceNotReady", "P2", process="worker"))
    paged: set[str] = set()
    while paged != {"ErrorBudgetBurn", "ServiceNotReady"}:
        paged |= {one["commonLabels"]["alertname"] for one in inbox.until({"pager"}.issubset)["pager"]}
    assert alertmanager.suppressed() == {("ServiceNotReady", "P2")}


def test_a_page_for_web_inhibits_no_lower_tier_of_the_worker(inbox: Inbox, alertmanager: Alertmanager) -> None:
    """The same alert about another process is a notification of its own."""
    alertmanager.post(named("ServiceNotReady", "P1", process="web"))
    inbox.until({"pager", "slack"}.issubset)
    alertmanager.post(named("ServiceNotReady", "P2", process="web"), named("ServiceNotReady", "P2", process="worker"))
    received = inbox.until({"slack-email"}.issubset)
    assert [one["groupLabels"]["process"] for one in received["slack-email"]] == ["worker"]
    assert alertmanager.suppressed() == {("ServiceNotReady", "P2")}


def test_two_clusters_are_apart(inbox: Inbox, alertmanager: Alertmanager) -> None:
    """ServiceDown and a page of one cluster inhibit nothing of another. Pages and Watchdogs name their cluster."""
    alertmanager.post(
        named("ServiceDown", "P1", cluster="eu", process="web"),
        burn("P1", service="b") | {"cluster": "eu"},
        *({"alertname": "Watchdog", "priority": "none", "cluster": cluster} for cluster in ("eu", "us")),
    )
    inbox.until(lambda told: len(told.get("pager", [])) == 2)
    alertmanager.post(
        *(burn("P1") | {"cluster": cluster} for cluster in ("eu", "us")),
        *(burn("P2", service="b") | {"cluster": cluster} for cluster in ("eu", "us")),
    )
    received = inbox.until({"pager", "slack-email"}.issubset)
    assert [one["groupLabels"]["cluster"] for one in received["pager"] + received["slack-email"]] == ["us", "us"]
    assert alertmanager.suppressed() == {("ErrorBudgetBurn", "P1"), ("ErrorBudgetBurn", "P2")}
    watchdogs = [one["groupLabels"] for one in inbox.told if one["receiver"] == "dead-man"]
    assert {labels["cluster"] for labels in watchdogs} == {"eu", "us"}


def test_alerts_of_others_are_apart(inbox: Inbox, alertmanager: Alertmanager) -> None:
    """No alert without service and env inhibits one of a service, or is inhibited by it, whatever their names."""
    others = {"namespace": "kube-system", "service": "kube-etcd"}
    alertmanager.post(
        named("ServiceDown", "P1", service="kube-etcd"),
        {"alertname": "ServiceDown", "severity": "critical", "instance": "1"},
        {"alertname": "HostDown", "priority": "P1", "instance": "1"},
    )
    inbox.until({"pager", "default"}.issubset)
    alertmanager.post(
        {"alertname": "etcdMembersDown", "severity": "warning", **others},
        {"alertname": "Watchdog", "priority": "none", "severity": "none"},
        {"alertname": "HostDown", "priority": "P2", "instance": "2"},
        {"alertname": "NotificationsFailing", "priority": "P2"},
    )
    # As kube-prometheus-stack inhibits its own, and none of ours.
    alertmanager.post(
        {"alertname": "KubeJobFailed", "severity": "critical", "namespace": "a"},
        {"alertname": "KubeJobFailed", "severity": "warning", "namespace": "a"},
        {"alertname": "InfoInhibitor", "severity": "none", "namespace": "a"},
        {"alertname": "CPUThrottlingHigh", "severity": "info", "namespace": "a"},
        named("ErrorLogBurst", "P4", severity="info", namespace="a"),
        named("ErrorBudgetBurn", "P1", service="b", severity="critical"),
        named("ErrorBudgetBurn", "P3", service="c", severity="warning"),
    )
    inbox.until({"slack-email", "ticket", "dead-man"}.issubset)
    held = [each["labels"] for each in alertmanager.alerts() if each["status"]["state"] == "suppressed"]
    assert {(labels["alertname"], labels.get("severity")) for labels in held} == {
        ("KubeJobFailed", "warning"),
        ("CPUThrottlingHigh", "info"),
    }


def test_p4_notifies_nobody(inbox: Inbox, alertmanager: Alertmanager) -> None:
    """A P4 that fires first is not in the notifications that arrive with a later page."""
    alertmanager.post(named("CpuThrottled", "P4"))
    alertmanager.post(named("ServiceDown", "P1", service="b"))
    received = inbox.until({"pager", "slack"}.issubset)
    assert {
        alert["labels"]["priority"] for all_of in received.values() for one in all_of for alert in one["alerts"]
    } == {"P1"}


def test_staging_pages_nobody(inbox: Inbox, alertmanager: Alertmanager) -> None:
    """A P1 outside production goes to its own channel and to no pager."""
    alertmanager.post(named("ServiceDown", "P1", env="staging"))
    assert inbox.until(bool).keys() == {"non-production"}


def test_objectives_of_one_service_are_one_page(inbox: Inbox, alertmanager: Alertmanager) -> None:
    """Availability and latency that burn at the same time are one notification."""
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
