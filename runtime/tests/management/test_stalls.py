"""A blocked event loop causes one event with the stack and the requests in progress, without a probe."""

import signal
import threading
import time
from collections.abc import Callable
from typing import Any, cast

import pytest

from firstlight import Application
from firstlight.context import RequestContext
from firstlight.lifecycle import Active, Lifecycle
from firstlight.management.stalls import EVENT_SECONDS, MOST_REQUESTS, STALL_SECONDS, StallWatch
from firstlight.testing import ServiceProcess
from firstlight.testing.lines import Lines

from ..conftest import FAULTS
from ..process.conftest import ask

Serve = Callable[..., ServiceProcess]


def _blocked(service: ServiceProcess) -> list[dict[str, Any]]:
    return [line for line in service.lines if line["event"] == "event_loop.blocked"]


def test_a_blocked_loop_is_logged_while_it_is_blocked(serve: Serve) -> None:
    """With the blocking line, and the waiting requests, the oldest first."""
    service = serve(str(FAULTS)).started()
    waiting = threading.Thread(
        target=ask, args=(service.url, "/faults/slow?seconds=3"), kwargs={"x_request_id": "slow"}
    )
    blocking = threading.Thread(
        target=ask, args=(service.url, "/faults/block?seconds=3&token=hunter2"), kwargs={"x_request_id": "blocking"}
    )
    waiting.start()
    ask(service.url, "/faults/none")
    blocking.start()

    line = service.wait_for("event_loop.blocked")

    assert blocking.is_alive()  # it does not wait for the end of the stall
    assert line["level"] == "error"
    assert "time.sleep(" in line["stack"]
    assert STALL_SECONDS <= line["age_seconds"] < 2.5
    assert [(each["request_id"], each["url_path"]) for each in line["requests"]] == [
        ("slow", "/faults/slow"),
        ("blocking", "/faults/block"),
    ]
    assert all(each["trace_id"] and each["http_request_method"] == "GET" for each in line["requests"])
    assert line["requests"][0]["age_seconds"] >= line["requests"][1]["age_seconds"]
    assert (line["active_requests"], line["suppressed"]) == (2, 0)
    blocking.join()
    waiting.join()
    assert service.terminate() == 0
    assert len(_blocked(service)) == 1


def test_a_short_stall_is_not_logged(serve: Serve) -> None:
    """There are too many of them."""
    service = serve(str(FAULTS)).started()
    for _ in range(5):
        ask(service.url, "/faults/block?seconds=0.08")
    assert service.terminate() == 0
    assert _blocked(service) == []


def test_a_stopped_process_is_not_a_stall(serve: Serve) -> None:
    """SIGSTOP and SIGCONT, as by a debugger or a suspended machine."""
    service = serve(str(FAULTS)).started()
    for _ in range(3):
        service.process.send_signal(signal.SIGSTOP)
        time.sleep(0.6)  # the stop is what is tested
        service.process.send_signal(signal.SIGCONT)
        ask(service.url, "/faults/slow?seconds=0.3")
    assert service.terminate() == 0
    assert _blocked(service) == []


def test_a_call_that_holds_the_gil_is_logged_afterwards(serve: Serve) -> None:
    """The thread of the watch cannot run during the call."""
    service = serve(str(FAULTS)).started()
    ask(service.url, "/faults/hold?seconds=1")
    line = service.wait_for("event_loop.blocked")
    assert line["age_seconds"] >= STALL_SECONDS
    assert service.terminate() == 0


class Time:
    """A clock that the test sets."""

    def __init__(self) -> None:
        """Some time."""
        self.now = 1000.0

    def __call__(self) -> float:
        """The time."""
        return self.now


class StoppedHeartbeat:
    """A heartbeat that beats when the test calls `beat`."""

    def __init__(self, clock: Time) -> None:
        """The last beat is now."""
        self._clock = clock
        self.last = clock.now

    def beat(self) -> None:
        """Beat now."""
        self.last = self._clock.now

    def stack(self) -> str:
        """The stack of the loop."""
        return "in main\n" + "in between\n" * 10_000 + "in hang"


class Request:
    """A request in progress."""

    def __init__(self, number: int, path: str) -> None:
        """`number` is its id and the order of its start."""
        self.ids = RequestContext(str(number), "0" * 31 + "1", "1" * 16)
        self.scope = {"type": "http", "method": "GET", "path": path}
        self.started = number


Watch = tuple[StallWatch, StoppedHeartbeat, Time, Lifecycle]


@pytest.fixture
def watch(app: Application) -> Watch:
    """A watch of a started process, without a thread."""
    del app  # it configures the log
    clock, lifecycle = Time(), Lifecycle()
    lifecycle.started = True
    heart = StoppedHeartbeat(clock)
    return StallWatch(cast("Any", heart), lifecycle, clock), heart, clock, lifecycle


def test_one_event_for_a_stall(watch: Watch, lines: Lines) -> None:
    """Independent of its length."""
    stall_watch, _, clock, _ = watch
    for _ in range(100):
        clock.now += STALL_SECONDS
        stall_watch.look(stood_still=False)

    assert len(lines.named("event_loop.blocked")) == 1


def test_the_limit_decides_when_a_stall_is_logged(watch: Watch, lines: Lines) -> None:
    """Just below the limit it is not logged; at the limit it is."""
    stall_watch, _, clock, _ = watch
    clock.now += STALL_SECONDS - 0.0625
    assert stall_watch.look(stood_still=False) == 0.0625
    assert lines.named("event_loop.blocked") == []
    clock.now += 0.0625
    stall_watch.look(stood_still=False)
    assert len(lines.named("event_loop.blocked")) == 1


def test_events_are_limited(watch: Watch, lines: Lines) -> None:
    """The next event has the number of stalls without one."""
    stall_watch, heart, clock, _ = watch
    for _ in range(4):
        clock.now += 1
        stall_watch.look(stood_still=False)
        heart.beat()
    clock.now += EVENT_SECONDS
    stall_watch.look(stood_still=False)

    assert [line["suppressed"] for line in lines.named("event_loop.blocked")] == [0, 3]


def test_a_stall_before_the_start_is_not_logged(watch: Watch, lines: Lines) -> None:
    """Imports and migrations block the loop, and no request waits."""
    stall_watch, _, clock, lifecycle = watch
    lifecycle.started = False
    clock.now += 60
    stall_watch.look(stood_still=False)

    assert lines.named("event_loop.blocked") == []


def test_the_oldest_requests_are_listed_without_secrets(watch: Watch, lines: Lines) -> None:
    """Long paths are cut."""
    stall_watch, _, clock, lifecycle = watch
    path = "/" + "x" * 100_000
    lifecycle.requests = {cast("Active", Request(number, path)) for number in range(40)}
    clock.now += 1
    stall_watch.look(stood_still=False)

    (line,) = lines.named("event_loop.blocked")
    assert [each["request_id"] for each in line["requests"]] == [str(number) for number in range(MOST_REQUESTS)]
    assert line["active_requests"] == 40
    assert line["stack"].startswith("in main")
    assert line["stack"].endswith("in hang")
    assert len(str(line)) < 14_000


def test_the_thread_ends_with_the_process(watch: Watch) -> None:
    """No thread is left."""
    stall_watch, *_ = watch
    stall_watch.start()
    stall_watch.stop()

    assert "stall-watch" not in [thread.name for thread in threading.enumerate()]
