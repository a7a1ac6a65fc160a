"""Security events: all are counted, few are logged."""

from firstlight import REGISTRY
from firstlight.logs import pipeline
from firstlight.logs.limited_lines import SECONDS_PER_LINE
from firstlight.security.events import EVENTS, SecurityEvents
from firstlight.settings import Settings
from firstlight.testing.lines import Lines

from ..faults import IDENTITY


def _count(event: str) -> float:
    return REGISTRY.get_sample_value("security_events_total", {"event": event}) or 0


def test_every_event_is_counted_and_few_are_logged(lines: Lines, settings: Settings) -> None:
    """A line says how many events it stands for."""
    now = 0.0
    events = SecurityEvents(clock=lambda: now)
    before = _count("host_refused")

    pipeline.configure(settings, IDENTITY, lines)
    for _ in range(3):
        events.record("host_refused", host="evil.example")
    events.record("rate_limited")
    now = SECONDS_PER_LINE
    events.record("host_refused", host="evil.example")

    assert _count("host_refused") - before == 4
    assert [(line["event"], line["suppressed"]) for line in lines.events] == [
        ("security.host_refused", 0),
        ("security.rate_limited", 0),
        ("security.host_refused", 2),
    ]


def test_every_event_has_a_series_from_the_start() -> None:
    """So that increase() sees the first one."""
    assert all(REGISTRY.get_sample_value("security_events_total", {"event": event}) is not None for event in EVENTS)
