"""The notification that the demo prints is the one that Prometheus and Alertmanager would render."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from rulebook import expected_alerts

from demo.notification import RULES, notification

# Rendered by amtool: tests/alerts/test_notifications.py holds this file against the templates.
PAGE = Path(__file__).parent / "alerts/notifications/page.txt"
OF_SERVERS = ("  Query: ", "Silence: ")
TIERS = ("fast", "medium", "slow", "trickle")


def alert(burn: str, value: float) -> dict[str, object]:
    """An alert as the console lists it."""
    return {
        "name": "ErrorBudgetBurn",
        "priority": "P1",
        "value": value,
        "labels": {"slo": "availability", "burn": burn},
        "since": datetime(2026, 3, 1, 2, 58, tzinfo=UTC).timestamp(),
    }


def test_the_text_is_that_of_the_shipped_templates() -> None:
    """Without the links to servers, which the demo does not run."""
    lines = [line for line in PAGE.read_text("utf-8").splitlines() if not line.startswith(OF_SERVERS)]
    assert notification(alert("fast", 1000), "a", "production") == "\n".join(lines).strip()


@pytest.mark.parametrize("burn", TIERS)
def test_every_tier_is_rendered_whole(burn: str) -> None:
    """As the unit tests of the rules expect it of Prometheus, but for the value."""
    expected = next(one for one in expected_alerts("ErrorBudgetBurn") if one["exp_labels"]["burn"] == burn)
    text = notification(alert(burn, 1000), "a", "production")
    assert "{{" not in text
    assert expected["exp_annotations"]["action"] in text
    assert f"] P1 {expected['exp_annotations']['summary']}\n" in text


def test_an_alert_without_a_rule_is_named() -> None:
    """A renamed tier must not end in an empty page."""
    with pytest.raises(LookupError, match=f"{RULES.name} has no rule ErrorBudgetBurn for .*sudden"):
        notification(alert("sudden", 1), "a", "production")
