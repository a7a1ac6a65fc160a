"""Sections of components: code of teams, which may wait, fail, or have more than a page can show."""

import asyncio
import threading
import time
from types import SimpleNamespace
from typing import Any

from firstlight import Component, NoSettings, Section, nothing
from firstlight.console import section_reader
from firstlight.console.api import BusyError
from firstlight.console.components import Components


def components(seconds: float = section_reader.SECONDS, /, **consoles: Any) -> Components:
    """Open components with these functions as their `console`. A page waits `seconds` for a section."""
    of = [Component(name=name, settings=NoSettings, open=nothing, console=each) for name, each in consoles.items()]
    subject: Any = SimpleNamespace(service=SimpleNamespace(components=of), resources=dict.fromkeys(consoles))
    return Components(subject, section_reader.SectionReader(seconds))


def read(shown: Components, name: str) -> Any:
    """What a section shows."""
    return asyncio.run(shown.read(name, lambda _: False))


def test_a_section_that_waits_is_refused_and_holds_nothing() -> None:
    """The loop of the management port goes on, no second call begins, and the section is shown when it is there."""
    go_on, calls = threading.Event(), []

    def waits() -> dict[str, object]:
        calls.append(go_on.wait(10))
        return {"values": {"left": 3}}

    shown = components(0.1, waits=lambda _: Section("Waits", waits))

    async def during() -> float:
        began, worst = time.monotonic(), 0.0
        refused = [asyncio.ensure_future(shown.read("waits", lambda _: False)) for _ in range(2)]
        while not all(each.done() for each in refused):
            at = time.monotonic()
            await asyncio.sleep(0.001)
            worst = max(worst, time.monotonic() - at)
        assert [type(each.exception()) for each in refused] == [BusyError] * 2
        assert time.monotonic() - began < 5
        go_on.set()
        while True:
            try:
                assert (await shown.read("waits", lambda _: False))["values"] == {"left": 3}
            except BusyError:
                continue
            return worst

    assert asyncio.run(during()) < 2
    assert calls in ([True], [True, True])
    shown.stop()


def test_a_section_that_cannot_be_made_is_left_out() -> None:
    """All others are listed, and it is tried, and so reported, once."""
    tried = []

    def fails(resource: object) -> Section:
        tried.append(resource)
        msg = "the drawer is jammed"
        raise RuntimeError(msg)

    shown = components(jammed=fails, drawer=lambda _: Section("Drawer", lambda: {"values": {"left": 3}}))
    assert [list(shown.listed()) for _ in range(3)] == [[{"name": "drawer", "title": "Drawer"}]] * 3
    assert read(shown, "drawer")["values"] == {"left": 3}
    assert tried == [None]
    shown.stop()


def test_a_long_table_is_cut() -> None:
    """Its title says so."""
    rows = [[number] for number in range(section_reader.MOST_ROWS + 1)]
    table = {"title": "stamps", "columns": ["left"], "rows": rows}
    shown = components(drawer=lambda _: Section("Drawer", lambda: {"tables": [table, {**table, "rows": rows[:2]}]}))
    long, short = read(shown, "drawer")["tables"]
    assert (long["title"], long["rows"]) == ("stamps: the first 500 of 501", rows[:-1])
    assert (short["title"], short["rows"]) == ("stamps", rows[:2])
    shown.stop()
