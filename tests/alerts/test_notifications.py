"""The text people get, rendered by amtool from the shipped templates."""

import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from live import TEMPLATES, render
from rulebook import expected_alerts

EXPECTED = Path(__file__).parent / "notifications"

PAGE = {
    "labels": {"alertname": "ErrorBudgetBurn"},
    "startsAt": "2026-03-01T02:58:00Z",
    "generatorURL": "http://prometheus.example.com/graph?g0.expr=slo",
}


def alert(name: str, status: str = "firing", **labels: str) -> dict[str, Any]:
    """One alert as the unit tests of the rules expect it, in the form Alertmanager hands to templates."""
    expected = next(one for one in expected_alerts(name) if labels.items() <= one["exp_labels"].items())
    return {
        "status": status,
        "labels": {"alertname": name, **expected["exp_labels"]},
        "annotations": expected["exp_annotations"],
        "startsAt": PAGE["startsAt"],
        "endsAt": "2026-03-01T03:21:00Z" if status == "resolved" else "0001-01-01T00:00:00Z",
        "generatorURL": PAGE["generatorURL"],
    }


def shared(alerts: list[dict[str, Any]], kind: str) -> dict[str, str]:
    """What all alerts of a notification have in common."""
    first, *others = [set(one[kind].items()) for one in alerts]
    return dict(first.intersection(*others))


def notification(receiver: str, *alerts: dict[str, Any]) -> dict[str, Any]:
    """The data of one notification."""
    firing = any(one["status"] == "firing" for one in alerts)
    common = shared(list(alerts), "labels")
    return {
        "receiver": receiver,
        "status": "firing" if firing else "resolved",
        "alerts": list(alerts),
        "groupLabels": {name: common[name] for name in ("alertname", "service", "env", "process") if name in common},
        "commonLabels": common,
        "commonAnnotations": shared(list(alerts), "annotations"),
        "externalURL": "https://alertmanager.example.com",
    }


NOTIFICATIONS = {
    "page": notification("pager", alert("ErrorBudgetBurn", burn="fast")),
    "two-tiers": notification("slack", alert("ErrorBudgetBurn", burn="fast"), alert("ErrorBudgetBurn", burn="medium")),
    "resolved": notification("slack", alert("ServiceDown", "resolved", process="web")),
    "worker": notification("slack-email", alert("ServiceDown", process="worker")),
    "platform": notification("slack-email", alert("NotificationsFailing")),
    "imported": notification(
        "default",
        {
            "status": "firing",
            "labels": {"alertname": "NodeClockSkew", "severity": "warning"},
            "annotations": {"message": "a rule of somebody else"},
            "startsAt": PAGE["startsAt"],
            "endsAt": "0001-01-01T00:00:00Z",
            "generatorURL": PAGE["generatorURL"],
        },
    ),
}


@pytest.mark.parametrize("name", NOTIFICATIONS)
def test_text(name: str, tmp_path: Path, programs: Path | None) -> None:
    """Title and text are exactly what `notifications/` holds."""
    title, text = (
        render(f"notification.{part}", NOTIFICATIONS[name], tmp_path, programs=programs) for part in ("title", "text")
    )
    assert "<no value>" not in title + text
    assert "\n" not in title
    assert f"{title}\n\n{text}\n" == (EXPECTED / f"{name}.txt").read_text("utf-8")


def test_a_page_answers_the_four_questions() -> None:
    """What is wrong, who is affected, what to do, where to look."""
    page = (EXPECTED / "page.txt").read_text("utf-8")
    for answer in (
        "What is wrong: ",
        "Who is affected: ",
        "What to do: ",
        "Where to look:",
        "  Runbook: https://",
        "  Dashboard: https://",
    ):
        assert f"\n{answer}" in page


@pytest.mark.usefixtures("installed")
def test_one_line_moves_every_link(tmp_path: Path) -> None:
    """Links to runbooks and dashboards have one base, which is defined once."""
    moved = tmp_path / "templates"
    shutil.copytree(TEMPLATES, moved)
    links = moved / "links.tmpl"
    assert "".join(file.read_text("utf-8") for file in moved.iterdir()).count("ops.example.com") == 1
    links.write_text(links.read_text("utf-8").replace("https://ops.example.com", "http://localhost:3000/ops"))
    text = render("notification.text", NOTIFICATIONS["two-tiers"], tmp_path, moved)
    found = re.findall(r"(Runbook|Dashboard): http://localhost:3000/ops(/runbooks/|/d/)", text)
    assert found == [("Runbook", "/runbooks/"), ("Dashboard", "/d/")] * 2
