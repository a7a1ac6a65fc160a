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
        self.suspended = 0.0
        self.stalls = Stalls(self.pulse, Lifecycle(), lambda: self.now, lambda: self.now - self.suspended)
        self.due = 0.0

    def beat(self) -> None:
        """What the loop does when it runs."""
        asyncio.run(self._beat())

    async def _beat(self) -> None:
        self.pulse._beat()  # noqa: SLF001 - the loop's call
        assert self.pulse._timer is not None  # noqa: SLF001
        self.pulse._timer.cancel()  # noqa: SLF001

    def run(self, seconds: float, *, blocked: bool) -> None:
        """Let time pass, and look when it is due."""
        for _ in range(round(seconds / BEAT_SECONDS)):
            self.now += BEAT_SECONDS
            if not blocked:
                self.beat()
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
    """Below 75 ms. It counts as lag."""
    watched.run(1, blocked=False)
    watched.run(0.05, blocked=True)
    watched.run(1, blocked=False)

    assert watched.stalls.shown() == []
    assert watched.stalls.worst_lag() == pytest.approx(0.05, abs=0.001)


@pytest.mark.parametrize("blocked", [0.1001, 0.105, 0.112, 0.12, 0.125])
@pytest.mark.parametrize("phase", [0.0, 0.01, 0.024])
def test_a_stall_of_100_ms_is_seen(watched: Watched, blocked: float, phase: float) -> None:
    """Wherever it began between two beats; also if nobody looked while it lasted. Its duration is known to 12 ms."""
    watched.run(1, blocked=False)
    watched.now += phase + blocked
    watched.beat()
    watched.stalls.look()
    (stall,) = watched.stalls.shown()

    assert stall["ms"] / 1000 == pytest.approx(blocked, abs=BEAT_SECONDS / 2 + 0.001)
    assert (stall["stack"], stall["requests"]) == ((), ())
    assert stall["time"] == pytest.approx(time.time() - blocked - phase, abs=0.5)


def test_the_looking_thread_comes_before_the_end_of_a_short_stall(watched: Watched) -> None:
    """So it has a stack, although the thread may be 10 ms late."""
    watched.run(1, blocked=False)
    wait = watched.stalls.look()
    watched.now = watched.pulse.last + wait + 0.009
    watched.stalls.look()
    assert watched.stalls.shown() == []
    watched.now = watched.pulse.last + 0.1001
    watched.beat()
    watched.stalls.look()
    (stall,) = watched.stalls.shown()

    assert wait <= 0.09
    assert stall["ms"] == pytest.approx(87.5, abs=0.2)


@pytest.mark.parametrize("loop_first", [True, False])
def test_a_process_that_did_not_run_has_no_stall(watched: Watched, *, loop_first: bool) -> None:
    """It was stopped, or got no processor: the looking thread was late, too."""
    watched.run(1, blocked=False)
    watched.now += 5
    watched.suspended += 5
    if loop_first:
        watched.beat()
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
