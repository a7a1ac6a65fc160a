"""The alarm of the demo: the button `fail` is pressed, an alert would fire, and people would get its notification."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .console_client import ConsoleClient, ConsoleError
from .notification import notification

BUTTONS = {"fail", "slow", "block", "flood", "lose"}
ALERT, PRIORITY = "ErrorBudgetBurn", "P1"


@dataclass(frozen=True)
class Alarm:
    """What the console said about the failed request, and what its button caused."""

    spans: Sequence[Mapping[str, Any]] = ()
    """Those of the failed request."""
    pressed: str = ""
    notification: str = ""
    approximates: str = ""
    """How the alerts of the console differ from those of Prometheus."""
    fault: str = ""

    @property
    def missing(self) -> list[str]:
        """The expected signals that did not come, in words."""
        expected = {
            self.fault: not self.fault,
            "no span of the failed request is on the console": bool(self.spans),
            "no page would go out, though requests failed": bool(self.notification),
        }
        return [sentence for sentence, fulfilled in expected.items() if not fulfilled]


def raise_alarm(console: ConsoleClient, trace_id: str) -> Alarm:
    """Read the trace of the failed request, press the button `fail`, and wait for the alert."""
    try:
        spans = console.read(f"requests/{trace_id}")["spans"]
        offered = {each["name"] for each in console.read("components/demo")["actions"]}
        if offered != BUTTONS:
            return Alarm(spans, fault=f"the console offers the buttons {', '.join(sorted(offered))}")
        pressed = console.press("fail")
        alert = console.wait_for("alerts", _firing)
        approximates = console.read("alerts")["approximates"]
        identity = console.read("state")["service"]
    except ConsoleError as error:
        return Alarm(fault=str(error))
    text = notification(alert, identity["serviceId"], identity["environment"]) if alert is not None else ""
    return Alarm(spans, pressed, text, approximates)


def _firing(alerts: Mapping[str, Any]) -> Mapping[str, Any] | None:
    firing = (each for each in alerts["items"] if each["state"] == "firing")
    return next((each for each in firing if (each["name"], each["priority"]) == (ALERT, PRIORITY)), None)
