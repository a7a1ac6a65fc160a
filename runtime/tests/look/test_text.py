"""The summary as text: what stands out, what is empty, and text of clients."""

import re
from typing import Any

import pytest

from firstlight.look.formats import age, duration, number, percent
from firstlight.look.summary import Summary
from firstlight.look.text import lines
from firstlight.terminal import Paint

ORIGIN = "http://127.0.0.1:9464"
EMPTY: dict[str, Any] = {
    "version": 1,
    "now": 1_000_000.0,
    "blocked_ms": 0.0,
    "service": {"serviceId": "scales", "version": "1.2.3", "environment": "development", "started_at": 999_880.0},
    "routes": [],
    "budget": [],
    "alerts": [],
    "errors": [],
    "checks": [],
}
BUDGET = {"slo": "availability", "objective": 0.999, "good": 99_000, "bad": 12, "burn_rate": 3.25}


def text(*, colours: bool = False, **members: object) -> str:
    """The text of a summary with these members."""
    return "\n".join(lines(Summary(**{**EMPTY, **members}), ORIGIN, Paint(wanted=colours)))


def test_a_service_without_traffic_has_every_part() -> None:
    """Each says that it is empty."""
    assert text() == (
        "scales 1.2.3, development, for 2 min: http://127.0.0.1:9464/console\n"
        "\nRoutes in the last minute\n  no request\n"
        "\nError budget since the start\n  no objective\n"
        "\nAlerts that would fire\n  none\n"
        "\nChecks that do not pass\n  none\n"
        "\nLast errors\n  none"
    )


def test_a_blocked_event_loop_is_said_first() -> None:
    """All numbers below stand still meanwhile."""
    second = text(blocked_ms=6_200.0).splitlines()[1]
    assert second == "The event loop is blocked for 6.20 s: make look TWIN=stalls shows by what."


def test_columns_are_aligned() -> None:
    """Text to the left, numbers to the right."""
    routes = [
        {"route": "/api/v1/links", "rate": 123.4, "p50": 0.0012, "p99": 1.5, "errors": 0.0},
        {"route": "/r/{slug}", "rate": 0.05, "p50": None, "p99": None, "errors": 0.25},
    ]
    part = text(routes=routes).split("\n\n")[1]
    assert part == (
        "Routes in the last minute\n"
        "  route          requests/s     p50     p99  errors\n"
        "  /api/v1/links         123  1.2 ms  1.50 s     0 %\n"
        "  /r/{slug}            0.05       -       -    25 %"
    )


def test_only_a_budget_that_is_nearly_spent_is_red() -> None:
    """With a quarter left it is not."""
    for left, red in ((0.25, False), (0.2, True), (-3.0, True)):
        shown = text(colours=True, budget=[{**BUDGET, "budget_left": left}])
        assert ("\x1b[31m  availability 99.9 %" in shown) == red


def test_a_check_that_fails_says_why() -> None:
    """Those that pass are left out. A critical one is red."""
    checks = [
        {"name": "disk", "status": "pass", "critical": True, "output": ""},
        {"name": "queue", "status": "fail", "critical": True, "output": "OSError: full"},
        {"name": "mail", "status": "fail", "critical": False, "output": None},
    ]
    assert "pass\n  queue fail: OSError: full\n  mail fail\n" in text(checks=checks)
    assert "\x1b[31mqueue\x1b[0m fail" in text(colours=True, checks=checks)
    assert "\x1b[33mmail\x1b[0m fail" in text(colours=True, checks=checks)


def test_text_of_clients_cannot_move_the_cursor() -> None:
    """In a method, a path or an error type."""
    hostile = "\x1b[2J\r\n\u202e"
    error = {
        "time": 1.0, "method": f"GET{hostile}", "path": f"/{hostile}", "status": 500, "error_type": hostile,
        "seq": 1, "ms": 1.0, "trace_id": "0" * 32,
    }  # fmt: skip
    route = {"route": hostile, "rate": 1.0, "p50": 1.0, "p99": 1.0, "errors": 1.0}
    shown = text(errors=[error], routes=[route])
    assert re.search("[\x1b\r\u202e]", shown) is None
    assert shown.count("\n") == text().count("\n") + 2  # the heading of the table, and the trace


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        (duration(0.00049), "0.5 ms"),
        (duration(0.9994), "999.4 ms"),
        (duration(1.0), "1.00 s"),
        (duration(None), "-"),
        (percent(0.00001), "<0.01 %"),
        (percent(0), "0 %"),
        (percent(1.0), "100 %"),
        (percent(-183.5), "-18350 %"),
        (percent(None), "-"),
        (number(0), "0"),
        (number(1204.4), "1,204"),
        (number(0.05), "0.05"),
        (number(None), "-"),
        (age(0.4), "0 s"),
        (age(59), "59 s"),
        (age(7_200), "2 h"),
        (age(200_000), "2 d"),
    ],
)
def test_formats(shown: str, expected: str) -> None:
    """What is not 0 is not shown as 0."""
    assert shown == expected
