"""Stalls of the event loop, with clocks that the tests move."""

import asyncio
import threading
import time

import pytest

from firstlight.console.stalls import BEAT_SECONDS, Pulse, Stalls
from firstlight.lifecycle import Lifecycle


class Watched:
    """A pulse and the one who looks at it, without a loop."""

    def __init__(self) -> None:
        """The loop runs."""
        self.now = 10.0
        self.pulse = Pulse(lambda: self.now)
        self.pulse.beats = True
        self.stalls = Stalls(self.pulse, Lifecycle(), lambda: self.now)
        self.due = 0.0

    def run(self, seconds: float, *, blocked: bool) -> None:
        """Let time pass, and look when it is due."""
        for _ in range(round(seconds / BEAT_SECONDS)):
            self.now += BEAT_SECONDS
            if not blocked:
                self.pulse.worst = max(self.pulse.worst, self.now - self.pulse.last - BEAT_SECONDS)
                self.pulse.last = self.now
            if self.now >= self.due:
                self.due = self.now + self.stalls.look()


@pytest.fixture
def watched() -> Watched:
    """A loop that a test blocks."""
    return Watched()


def test_a_stall_is_shown_while_it_lasts_and_when_it_has_ended(watched: Watched) -> None:
    """Once, with its whole duration."""
    watched.run(1, blocked=False)
    watched.run(0.3, blocked=True)
    (lasting,) = watched.stalls.shown()
    watched.run(0.2, blocked=True)
    watched.run(1, blocked=False)
    (ended,) = watched.stalls.shown()

    assert lasting["ms"] == pytest.approx(287.5, abs=1)
    assert ended["ms"] == pytest.approx(512.5, abs=1)
    assert watched.stalls.worst_lag() == pytest.approx(0.5, abs=0.001)
    assert watched.stalls.worst_lag() == 0.0


def test_a_short_delay_is_no_stall(watched: Watched) -> None:
    """Below 100 ms. It counts as lag."""
    watched.run(1, blocked=False)
    watched.run(0.075, blocked=True)
    watched.run(1, blocked=False)

    assert watched.stalls.shown() == []
    assert watched.stalls.worst_lag() == pytest.approx(0.075, abs=0.001)


def test_a_process_that_did_not_run_has_no_stall(watched: Watched) -> None:
    """It was stopped, or got no processor: the looking thread was late, too."""
    watched.run(1, blocked=False)
    watched.now += 5
    watched.stalls.look()
    watched.run(1, blocked=False)

    assert watched.stalls.shown() == []


def test_a_loop_that_has_ended_is_not_watched(watched: Watched) -> None:
    """The pulse has stopped."""
    watched.pulse.stop()
    watched.run(1, blocked=True)

    assert watched.stalls.shown() == []


def test_the_stack_is_that_of_the_loop() -> None:
    """Its innermost frame is the call that blocks. Secrets in its text are removed."""
    pulse, seen, blocked = Pulse(), threading.Event(), threading.Event()
    stacks: list[str] = []

    def look() -> None:
        blocked.wait(10)
        stacks.extend(pulse.stack())
        seen.set()

    async def block() -> None:
        pulse.start()
        await asyncio.sleep(0)
        blocked.set()
        seen.wait(10)  # the password is password="hunter2hunter2"
        pulse.stop()

    thread = threading.Thread(target=look)
    thread.start()
    asyncio.run(block())
    thread.join()

    assert any("seen.wait(10)" in frame for frame in stacks)
    assert "hunter2hunter2" not in "".join(stacks)
    assert time.monotonic() - pulse.last < 10
