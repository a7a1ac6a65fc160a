"""The signals of a command: none is lost, and none cuts the end."""

import asyncio
import signal
import threading
from collections.abc import Iterator

import pytest

from firstlight.server.command_stop import Stop

FOREVER = 60.0


@pytest.fixture(autouse=True)
def _handlers() -> Iterator[None]:
    """The handlers of the test's own process come back."""
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


async def _command(stop: Stop, gave_up: threading.Event) -> None:
    task = asyncio.current_task()
    assert task is not None
    stop.cancels(task, lambda _: gave_up.set())
    await asyncio.sleep(FOREVER)


def test_a_signal_before_there_is_anything_to_cancel_is_not_lost() -> None:
    """While settings are read and logging is configured, for instance."""
    stop, gave_up = Stop(FOREVER), threading.Event()
    signal.raise_signal(signal.SIGTERM)
    with pytest.raises(asyncio.CancelledError):
        asyncio.run(_command(stop, gave_up))
    stop.ended()
    assert not gave_up.is_set()


def test_what_has_ended_in_time_is_not_given_up() -> None:
    """Nor does a second signal do anything."""
    stop, gave_up = Stop(0.05), threading.Event()
    signal.raise_signal(signal.SIGINT)
    with pytest.raises(asyncio.CancelledError):
        asyncio.run(_command(stop, gave_up))
    stop.ended()
    signal.raise_signal(signal.SIGTERM)
    assert not gave_up.wait(0.2)


def test_what_does_not_end_is_given_up_once() -> None:
    """In a thread of its own: the loop may be blocked."""
    stop, gave_up = Stop(0.05), threading.Event()
    signal.raise_signal(signal.SIGTERM)
    with pytest.raises(asyncio.CancelledError):
        asyncio.run(_command(stop, gave_up))
    assert gave_up.wait(FOREVER)
