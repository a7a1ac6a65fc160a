"""Every refusal is counted, and a flood of them writes few lines."""

import pytest

from firstlight.logs.limited_lines import SECONDS_PER_LINE
from firstlight.metrics.instruments import REGISTRY
from firstlight.requests.refusals import LISTENERS, REASONS, Refusals
from firstlight.testing.lines import Lines


class Clock:
    """Seconds that the test sets."""

    seconds = 0.0

    def __call__(self) -> float:
        """The time now."""
        return self.seconds


def counted(listener: str, reason: str) -> float:
    """How many refusals the registry shows."""
    value = REGISTRY.get_sample_value("http_server_refusals_total", {"listener": listener, "reason": reason})
    assert value is not None
    return value


@pytest.mark.parametrize("listener", LISTENERS)
@pytest.mark.parametrize("reason", REASONS)
def test_every_refusal_counts(listener: str, reason: str) -> None:
    """Each pair exists before the first refusal, so that `rate()` sees it."""
    before = counted(listener, reason)

    Refusals(listener).count(reason)

    assert counted(listener, reason) == before + 1


@pytest.mark.usefixtures("app")
def test_a_flood_writes_one_line_in_ten_seconds(lines: Lines) -> None:
    """The next line tells how many were not logged; each reason has a line of its own."""
    clock = Clock()
    refusals = Refusals("management", clock=clock)
    for number in range(100):
        refusals.count("malformed", f"192.0.2.{number}")
    refusals.count("head_timeout")
    clock.seconds = SECONDS_PER_LINE
    refusals.count("malformed", "192.0.2.200")
    clock.seconds = 2 * SECONDS_PER_LINE
    refusals.count("malformed")

    fields = ("listener", "reason", "client_address", "suppressed", "level")
    assert [tuple(line[name] for name in fields) for line in lines.named("http.connection_refused")] == [
        ("management", "malformed", "192.0.2.0", 0, "warning"),
        ("management", "head_timeout", "", 0, "warning"),
        ("management", "malformed", "192.0.2.200", 99, "warning"),
        ("management", "malformed", "", 0, "warning"),
    ]
