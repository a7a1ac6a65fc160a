"""Alerts that would fire, with shortened windows. The rules in `alerts/` decide in production."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from .conditions import Reading, read
from .history import History
from .points import SECONDS
from .queries import NotFoundError
from .thresholds import HOUR, MINUTE, THRESHOLDS, TIERS

APPROXIMATES = (
    "These are the alerts of ops/alerts/rules for this process alone, sooner: every window and wait is {factor:g} times"
    " shorter, so an hour of a rule is {hour} here. Windows that would be longer than the {kept:g} minutes that are"
    " kept ({cut}) end there. Prometheus decides in production."
)
Key = tuple[str, ...]


@dataclass(slots=True)
class _State:
    reading: Reading
    pending: float | None = None
    """Since when the condition has been met without a break."""
    since: float | None = None
    """Since when it fires."""
    last: float = 0.0
    """When the condition was met last."""


class Alerts:
    """The states of all alerts. One thread uses it."""

    def __init__(self, factor: float, runbook: Callable[[str], str]) -> None:
        """`factor` shortens all windows. `runbook` gives the text for the name of an alert."""
        self._factor = factor
        self._runbook = runbook
        self._states: dict[Key, _State] = {}

    def evaluate(self, history: History, now: float) -> None:
        """Look at the history at `now`, in Unix time. To be called about once a second."""
        states = {}
        for reading in read(history, now, self._factor):
            key = reading.threshold.name, reading.threshold.summary, *sorted(map(str, reading.labels.items()))
            states[key] = state = self._states.get(key) or _State(reading)
            state.reading = reading
            self._step(state, now)
        self._states = states

    def _step(self, state: _State, now: float) -> None:
        threshold = state.reading.threshold
        if state.reading.met:
            state.last = now
            state.pending = now if state.pending is None else state.pending
            if state.since is None and now - state.pending >= threshold.hold / self._factor:
                state.since = now
            return
        state.pending = None
        if state.since is not None and now - state.last >= threshold.keep / self._factor:
            state.since = None

    def document(self, name: str = "") -> Mapping[str, Any]:
        """All alerts, or those with this name, those that fire first: `{"approximates", "items"}`."""
        items = [
            self._item(state) for state in list(self._states.values()) if name in {"", state.reading.threshold.name}
        ]
        order = sorted(items, key=lambda item: (item["state"] != "firing", item["priority"]))
        return {"approximates": approximates(self._factor), "items": order}

    def with_runbook(self, name: str) -> Mapping[str, Any]:
        """The alerts with this name, and their runbook as Markdown. Raises `NotFoundError` for an unknown name."""
        if name not in {threshold.name for threshold in THRESHOLDS}:
            msg = "There is no alert of this name."
            raise NotFoundError(msg)
        return {**self.document(name), "runbook": self._runbook(name)}

    def _item(self, state: _State) -> Mapping[str, Any]:
        threshold, labels, value, _, limit = state.reading
        about = ", ".join(labels.values())
        return {
            "name": threshold.name,
            "severity": threshold.severity,
            "priority": threshold.priority,
            "state": "ok" if state.since is None else "firing",
            "value": value,
            "threshold": threshold.limit if limit is None else limit,
            "summary": f"{threshold.summary} ({about})" if about else threshold.summary,
            "labels": dict(labels),
            "since": state.since,
        }


def approximates(factor: float) -> str:
    """The sentence that says how these alerts differ from those of Prometheus."""
    cut = [tier.burn for tier in TIERS if tier.long / factor > SECONDS]
    hour = f"{HOUR / factor:g} seconds" if factor > 1 else "an hour"
    return APPROXIMATES.format(factor=factor, hour=hour, kept=SECONDS / MINUTE, cut=" and ".join(cut) or "none")
