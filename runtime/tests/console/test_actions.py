"""The buttons of a component's section: the guards of effects hold for them, and each runs once at a time."""

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from http.client import HTTPException
from typing import Any

import pytest

from firstlight.testing import ServiceProcess

from ..conftest import PROGRAMS
from .conftest import API, TOKEN, Caller

REFILL = "components/drawer/refill"
POLL_SECONDS = 0.02


@pytest.fixture(scope="module")
def process() -> Iterator[ServiceProcess]:
    """The service `shown`, as a process of this module."""
    started = ServiceProcess([str(PROGRAMS / "shown.py")], {"CONSOLE": "true", "CONSOLE_TOKEN": TOKEN})
    try:
        yield started.started()
    finally:
        started.close()


def left(console: Caller) -> int:
    """How many red stamps the section shows."""
    table: Mapping[str, Any] = console.read("components/drawer")["tables"][0]
    return int(table["rows"][0][1])


def test_a_section_offers_actions(console: Caller) -> None:
    """With what their buttons say. They have no other list."""
    assert console.read("components/drawer")["actions"] == [
        {"name": "refill", "title": "Refill", "summary": "Adds two red stamps.", "running": False},
        {"name": "jam", "title": "Jam", "summary": "", "running": False},
        {"name": "watch", "title": "Watch", "summary": "", "running": False},
    ]


def test_an_action_is_done_and_says_so(console: Caller) -> None:
    """The section shows it afterwards."""
    before = left(console)
    answer = console.act(REFILL)
    assert (answer.status, answer.json["done"]) == (200, True)
    assert answer.json["text"] == f"{before + 2} red stamps are left."
    assert left(console) == before + 2


def test_an_action_that_fails_is_told_and_logged(process: ServiceProcess, console: Caller) -> None:
    """By its type. The message, which may hold anything, is in the log only."""
    answer = console.act("components/drawer/jam")
    assert (answer.status, answer.json["done"]) == (200, False)
    assert answer.json["text"] == "It failed with RuntimeError; the log of the service says why."
    line = process.wait_for("console.action_failed", component="drawer", action="jam")
    assert "the drawer is jammed" in line["exception"]
    assert console.act(REFILL).status == 200


def test_the_guards_of_effects_hold_for_actions(console: Caller) -> None:
    """Nothing is done for a reader, a form, a link, another site, or without the cookie."""
    before = left(console)
    cookie, origin, ours = ("Cookie", console.cookie), ("Origin", console.origin), ("X-Console", "1")
    attacks = {
        "no cookie": (401, "POST", [origin, ours]),
        "token only": (401, "POST", [origin, ours, ("Authorization", f"Bearer {TOKEN}")]),
        "no header": (403, "POST", [cookie, origin]),
        "no origin": (403, "POST", [cookie, ours]),
        "foreign origin": (403, "POST", [cookie, ours, ("Origin", "http://evil.example")]),
        "another site": (403, "POST", [cookie, origin, ours, ("Sec-Fetch-Site", "cross-site")]),
        "a link": (405, "GET", [cookie]),
    }
    statuses = {
        name: console.ask(API + REFILL, *headers, method=method, body=b"{}" if method == "POST" else b"").status
        for name, (_, method, headers) in attacks.items()
    }
    assert statuses == {name: status for name, (status, *_) in attacks.items()}
    assert left(console) == before


@pytest.mark.parametrize("name", ["drawer/none", "none/refill", "drawer/refill/more", "drawer/"])
def test_an_action_that_does_not_exist(console: Caller, name: str) -> None:
    """Like any other name: it cannot be asked, and has no effect."""
    assert console.ask(f"{API}components/{name}", ("Cookie", console.cookie)).status == 404
    assert console.act(f"components/{name}").status == 405


def test_an_action_runs_once_at_a_time_and_ends_with_the_process(process: ServiceProcess, console: Caller) -> None:
    """A second press is refused, other actions go on, and the stop waits for none."""

    def press() -> None:
        with suppress(OSError, HTTPException):  # the process ends before it has answered
            console.act("components/drawer/watch")

    pressing = threading.Thread(target=press)
    pressing.start()
    deadline = time.monotonic() + 10
    while not console.read("components/drawer")["actions"][2]["running"]:
        assert time.monotonic() < deadline
        time.sleep(POLL_SECONDS)

    second = console.act("components/drawer/watch")

    assert (second.status, second.json["error"]) == (409, "Watch runs already. It runs once at a time.")
    assert console.act(REFILL).status == 200
    assert process.terminate() == 0
    pressing.join()
