"""Liveness, readiness and startup, and when a check counts as failed."""

import asyncio
import json
import time
from collections.abc import Sequence

import pytest

from firstlight import Application, Check
from firstlight.failures import KnownError
from firstlight.lifecycle import Lifecycle
from firstlight.management import health as module
from firstlight.management.health import (
    FAILURES_TO_FAIL,
    PROBES,
    REPORT_SECONDS,
    STALE_INTERVALS,
    STUCK_SECONDS,
    CheckState,
    Health,
)
from firstlight.metrics import event_loop
from firstlight.metrics.instruments import REGISTRY
from firstlight.testing.lines import Lines


class Clock:
    """A clock that the test sets."""

    def __init__(self) -> None:
        """Start at some value above zero."""
        self.now = 1000.0

    def monotonic(self) -> float:
        """The time, as read by the modules under test."""
        return self.now

    perf_counter = staticmethod(time.perf_counter)  # durations are real


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The clock of health and heartbeat."""
    clock = Clock()
    monkeypatch.setattr(module, "time", clock)
    monkeypatch.setattr(event_loop, "time", clock)
    return clock


@pytest.fixture
def lifecycle() -> Lifecycle:
    """The lifecycle of a started process."""
    lifecycle = Lifecycle()
    lifecycle.started = True
    return lifecycle


@pytest.fixture
def health(clock: Clock, lifecycle: Lifecycle) -> Health:
    """A started instance with a running event loop."""
    del clock
    return Health(lifecycle)


class Dependency:
    """A dependency that answers or raises as planned."""

    def __init__(self, *results: Exception | None) -> None:
        """The last result is repeated."""
        self.results = list(results)

    async def __call__(self) -> None:
        """The probe of a check."""
        result = self.results.pop(0) if len(self.results) > 1 else self.results[0]
        if result is not None:
            raise result


def _watch(health: Health, *results: Exception | None, critical: bool = True, name: str = "scales") -> CheckState:
    state = CheckState(Check(name, Dependency(*results), critical=critical))
    health.checks[name] = state
    return state


def _refresh(state: CheckState, times: int = 1) -> Sequence[str]:
    async def run() -> list[str]:
        statuses = []
        for _ in range(times):
            await state.refresh()
            statuses.append(state.status)
        return statuses

    return asyncio.run(run())


AWAY = ConnectionError("away")


def test_a_starting_process_is_live_but_not_ready(clock: Clock) -> None:
    """Without a limit in time: the startup probe has one."""
    health = Health(Lifecycle())
    clock.now += 10 * STUCK_SECONDS

    assert (health.live(), health.ready(), health.startup()) == (True, False, False)


def test_once_started_it_is_ready(health: Health) -> None:
    """An instance without checks is ready at once."""
    assert (health.live(), health.ready(), health.startup()) == (True, True, True)


def test_a_draining_process_is_live_but_not_ready(health: Health, lifecycle: Lifecycle) -> None:
    """Load balancers stop sending requests, and nothing restarts the process."""
    lifecycle.begin_drain()

    assert (health.live(), health.ready(), health.startup()) == (True, False, True)


def test_a_loop_that_runs_no_timer_is_neither_alive_nor_ready(health: Health, clock: Clock) -> None:
    """From the limit on; below it, the loop is only slow."""
    clock.now += STUCK_SECONDS - 0.001
    assert (health.live(), health.ready()) == (True, True)

    clock.now += 0.001
    assert (health.live(), health.ready(), health.startup()) == (False, False, True)


def test_liveness_depends_on_no_check(health: Health) -> None:
    """A restart does not repair a dependency."""
    _refresh(_watch(health, AWAY), 5)

    assert (health.live(), health.ready(), health.startup()) == (True, False, True)


def test_only_a_critical_check_takes_the_instance_out_of_traffic(health: Health) -> None:
    """The failure of a shared dependency would take all instances out at once."""
    state = _watch(health, AWAY, critical=False)
    _refresh(state)

    assert state.status == "fail"
    assert health.ready()
    assert health.details()["status"] == "warn"


def test_a_critical_check_without_a_result_fails(health: Health) -> None:
    """The instance is not ready before its first result."""
    state = _watch(health, None)
    assert not health.ready()

    _refresh(state)
    assert health.ready()


def test_fails_after_some_failures_in_a_row_and_passes_at_once(health: Health) -> None:
    """A lost packet changes nothing, and a dependency that is up again is used at once."""
    state = _watch(health, None, AWAY, AWAY, None, AWAY, AWAY, AWAY, None)

    assert _refresh(state, 8) == ["pass", "pass", "pass", "pass", "pass", "pass", "fail", "pass"]
    assert FAILURES_TO_FAIL == 3


def test_a_failure_at_the_first_run_fails_the_check(health: Health) -> None:
    """A dependency that has never answered fails at once."""
    assert _refresh(_watch(health, AWAY)) == ["fail"]


def test_a_check_that_hangs_fails(health: Health) -> None:
    """It fails at its timeout."""

    async def hang() -> None:
        await asyncio.Event().wait()

    state = CheckState(Check("scales", hang, timeout_seconds=0.01))
    health.checks["scales"] = state

    asyncio.run(asyncio.wait_for(state.refresh(), 1))

    assert (state.status, state.output) == ("fail", "TimeoutError")


def test_an_old_result_is_a_failure(health: Health, clock: Clock) -> None:
    """A check that no longer runs has no valid result."""
    state = _watch(health, None)
    _refresh(state)
    lifetime = STALE_INTERVALS * (state.check.interval_seconds + state.check.timeout_seconds)

    clock.now += lifetime - 0.001
    health.heartbeat = event_loop.Heartbeat()
    assert health.ready()

    clock.now += 0.001
    assert not health.ready()
    assert REGISTRY.get_sample_value("health_check_status", {"check": "scales"}) == 0


def test_logs_each_change_once(app: Application, health: Health, lines: Lines) -> None:
    """One line when it fails, one when it passes again, and none for the runs between."""
    del app  # it configures the log
    _refresh(_watch(health, None, None, AWAY, AWAY, AWAY, AWAY, AWAY, None, None), 9)

    changes = lines.named("health.check_changed")
    assert [(line["level"], line["check"], line["status"]) for line in changes] == [
        ("info", "scales", "pass"),
        ("error", "scales", "fail"),
        ("info", "scales", "pass"),
    ]
    assert changes[1]["output"] == "ConnectionError: away"


def test_a_check_that_comes_and_goes_is_reported_once(
    app: Application, health: Health, lines: Lines, clock: Clock
) -> None:
    """Each change is logged; only the first in ten minutes is reported to error tracking."""
    del app
    state = _watch(health, AWAY, None, AWAY, AWAY, AWAY, None, AWAY)

    def counted() -> float:
        return REGISTRY.get_sample_value("unhandled_errors_total", {"source": "check"}) or 0.0

    before = counted()
    _refresh(state, 6)
    assert counted() - before == 1
    clock.now += REPORT_SECONDS
    _refresh(state, 3)

    assert counted() - before == 2
    failed = [line for line in lines.named("health.check_changed") if line["status"] == "fail"]
    assert [line["level"] for line in failed] == ["error", "warning", "error"]
    assert all("Traceback" in line["exception"] for line in failed)


@pytest.mark.parametrize("error", [SystemExit(), asyncio.CancelledError(), KeyError()])
def test_a_check_fails_with_every_kind_of_error(health: Health, error: BaseException) -> None:
    """It runs again after each; only its own cancellation ends it."""

    async def leave() -> None:
        raise error

    state = CheckState(Check("leaving", leave))
    health.checks["leaving"] = state

    assert _refresh(state, 2) == ["fail", "fail"]
    assert state.output == type(error).__name__


def test_a_failure_that_is_known_is_not_reported_again(app: Application, health: Health, lines: Lines) -> None:
    """Background work has reported the error that its check repeats."""
    del app
    _refresh(_watch(health, KnownError("ConnectionError: away")))

    (line,) = lines.named("health.check_changed")
    assert line["level"] == "warning"
    assert "exception" not in line


def test_a_scrape_reads_the_state_of_that_moment(health: Health, lifecycle: Lifecycle) -> None:
    """Both gauges are computed by the scrape and are 1 or 0."""

    def scraped() -> tuple[float | None, float | None]:
        return (
            REGISTRY.get_sample_value("service_ready"),
            REGISTRY.get_sample_value("health_check_status", {"check": "scales"}),
        )

    state = _watch(health, None, AWAY)
    assert scraped() == (0, 0)
    _refresh(state)
    assert scraped() == (1, 1)
    _refresh(state, 3)
    assert scraped() == (0, 0)
    _watch(health, None)
    lifecycle.begin_drain()
    assert REGISTRY.get_sample_value("service_ready") == 0


def test_details_contain_everything(health: Health, clock: Clock) -> None:
    """With the members of draft-inadarei-api-health-check, in JSON."""
    _refresh(_watch(health, None))
    _refresh(_watch(health, AWAY, critical=False, name="printer"))
    clock.now += 0.25

    assert json.loads(json.dumps(health.details())) == {
        "status": "warn",
        "live": True,
        "started": True,
        "draining": False,
        "eventLoopAgeSeconds": 0.25,
        "checks": {
            "scales": [{"status": "pass", "critical": True, "output": ""}],
            "printer": [{"status": "fail", "critical": False, "output": "ConnectionError: away"}],
        },
    }


def test_status_of_details_agrees_with_readiness(health: Health, lifecycle: Lifecycle) -> None:
    """`pass` if every check passes, `fail` exactly if the instance is not ready, else `warn`."""
    state = _watch(health, None)
    assert health.details()["status"] == "fail"
    _refresh(state)
    assert health.details()["status"] == "pass"
    lifecycle.begin_drain()
    assert health.details()["status"] == "fail"


def test_details_show_no_secret(health: Health) -> None:
    """Client libraries put the address of a server, with its password, into their errors."""
    error = ConnectionError("cannot reach postgresql://app:hunter2@db/app, password=hunter2")
    _refresh(_watch(health, error))

    assert "hunter2" not in json.dumps(health.details())


def test_repeats_a_check_until_cancelled(health: Health, clock: Clock) -> None:
    """An error of the probe does not end it."""
    del clock
    seen: list[str] = []

    async def run() -> None:
        enough = asyncio.Event()

        async def probe() -> None:
            seen.append("probed")
            if len(seen) == 4:
                enough.set()
            raise AWAY

        task = asyncio.create_task(health.run(Check("scales", probe, interval_seconds=0.001)))
        await asyncio.wait_for(enough.wait(), 5)
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()

    asyncio.run(run())

    assert "scales" in health.checks


def test_probes_are_the_three_of_the_contract() -> None:
    """Each has its path."""
    probes = {path: probe.__name__ for path, probe in PROBES.items()}

    assert probes == {"/health/live": "live", "/health/ready": "ready", "/health/startup": "startup"}
