"""The text people get, rendered by amtool from the shipped templates."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from rulebook import ALERTS, expected_alerts

TEMPLATES = ALERTS / "alertmanager" / "templates" / "*.tmpl"
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
        "groupLabels": {name: common[name] for name in ("alertname", "service", "env") if name in common},
        "commonLabels": common,
        "commonAnnotations": shared(list(alerts), "annotations"),
        "externalURL": "https://alertmanager.example.com",
    }


NOTIFICATIONS = {
    "page": notification("pager", alert("ErrorBudgetBurn", burn="fast")),
    "two-tiers": notification("slack", alert("ErrorBudgetBurn", burn="fast"), alert("ErrorBudgetBurn", burn="medium")),
    "resolved": notification("slack", alert("ServiceDown", "resolved")),
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


def render(name: str, data: Path) -> str:
    """Render one template."""
    command = ["amtool", "template", "render", f"--template.glob={TEMPLATES}", f"--template.data={data}"]
    text = f'{{{{ template "{name}" . }}}}'
    run = subprocess.run([*command, f"--template.text={text}"], check=True, capture_output=True, text=True)
    return run.stdout


@pytest.mark.parametrize("name", NOTIFICATIONS)
def test_text(name: str, tmp_path: Path) -> None:
    """Title and text are exactly what `notifications/` holds."""
    data = tmp_path / "data.json"
    data.write_text(json.dumps(NOTIFICATIONS[name]))
    title, text = render("notification.title", data), render("notification.text", data)
    assert "<no value>" not in title + text
    assert "\n" not in title.rstrip("\n")
    expected = (EXPECTED / f"{name}.txt").read_text("utf-8")
    assert f"{title.strip()}\n\n{text.strip()}\n" == expected


def test_a_page_answers_the_four_questions() -> None:
    """What is wrong, who is hurt, what to do, where to look."""
    page = (EXPECTED / "page.txt").read_text("utf-8")
    for answer in (
        "What is wrong: ",
        "Who is hurt: ",
        "What to do: ",
        "Where to look:",
        "  Runbook: https://",
        "  Dashboard: https://",
    ):
        assert f"\n{answer}" in page
