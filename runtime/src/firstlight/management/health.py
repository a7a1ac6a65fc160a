"""Health: what liveness, readiness and startup mean here. Handlers only read; checks run in the background."""

import asyncio
import time
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

import structlog

from ..lifecycle import Lifecycle
from ..logs.redaction import redact_text
from ..metrics.event_loop import Heartbeat
from ..metrics.instruments import HEALTH_CHECK_STATUS, SERVICE_READY
from .check import Check

log = structlog.get_logger()

STUCK_SECONDS = 5.0  # a loop that has run no timer for so long will not recover
FAILURES_TO_FAIL = 3
STALE_INTERVALS = 3


class CheckState:
    """The last results of one check. It fails after some failures in a row, and passes again at the first success."""

    def __init__(self, check: Check) -> None:
        """No result yet."""
        self.check = check
        self.passing: bool | None = None
        self.output = "has not run yet"
        self._failures = 0
        self._time = time.monotonic()
        HEALTH_CHECK_STATUS.labels(check.name).set_function(lambda: self.status == "pass")

    @property
    def status(self) -> str:
        """`pass` or `fail`; a result that is too old counts as a failure."""
        fresh = time.monotonic() - self._time < STALE_INTERVALS * (
            self.check.interval_seconds + self.check.timeout_seconds
        )
        return "pass" if self.passing and fresh else "fail"

    async def refresh(self) -> None:
        """Run the check once."""
        try:
            async with asyncio.timeout(self.check.timeout_seconds):
                await self.check.probe()
        except Exception as error:  # noqa: BLE001 - any exception means that the check failed
            self._failures += 1
            self.output = redact_text(f"{type(error).__name__}: {error}".rstrip(": "))
        else:
            self._failures = 0
            self.output = ""
        self._time = time.monotonic()
        self._turn(passing=self._failures == 0 or (self.passing is True and self._failures < FAILURES_TO_FAIL))

    def _turn(self, *, passing: bool) -> None:
        if passing is not self.passing:
            self.passing = passing
            write = log.info if passing else log.warning
            write("health.check_changed", check=self.check.name, status=self.status, output=self.output)


class Health:
    """The state of this instance, read from any thread."""

    def __init__(self, lifecycle: Lifecycle) -> None:
        """Not started."""
        self.heartbeat = Heartbeat()
        self._lifecycle = lifecycle
        self._stuck = False
        self.checks: dict[str, CheckState] = {}
        SERVICE_READY.set_function(self.ready)

    def stop(self) -> None:
        """Stop judging liveness: the loop is shutting down."""
        self._lifecycle.started = False
        self.heartbeat.stop()

    def live(self) -> bool:
        """Whether the process can make progress. Depends on nothing outside it. False: restart me."""
        age = self.heartbeat.age
        stuck = self._lifecycle.started and age >= STUCK_SECONDS
        if stuck and not self._stuck:
            log.error("event_loop.blocked", age_seconds=round(age, 3), stack=self.heartbeat.stack())
        self._stuck = stuck
        return not stuck

    def ready(self) -> bool:
        """Whether to send requests here."""
        critical = (state for state in self.checks.values() if state.check.critical)
        return (
            self._lifecycle.started
            and not self._lifecycle.draining
            and self.live()
            and all(s.status == "pass" for s in critical)
        )

    def startup(self) -> bool:
        """Whether starting has finished."""
        return self._lifecycle.started

    def details(self) -> Mapping[str, Any]:
        """Everything, for people: the members of draft-inadarei-api-health-check."""
        failed = [state for state in self.checks.values() if state.status == "fail"]
        status = "fail" if not self.ready() else "warn" if failed else "pass"
        return {
            "status": status,
            "live": self.live(),
            "started": self._lifecycle.started,
            "draining": self._lifecycle.draining,
            "eventLoopAgeSeconds": round(self.heartbeat.age, 3),
            "checks": {
                name: [{"status": s.status, "critical": s.check.critical, "output": s.output}]
                for name, s in self.checks.items()
            },
        }

    def run(self, check: Check) -> Coroutine[Any, Any, None]:
        """Add a check; the coroutine refreshes it until it is cancelled."""
        state = self.checks[check.name] = CheckState(check)
        return self._refresh(state)

    async def _refresh(self, state: CheckState) -> None:
        while True:
            await state.refresh()
            await asyncio.sleep(state.check.interval_seconds)


# The contract's probes, on both ports.
PROBES: Mapping[str, Callable[[Health], bool]] = {
    "/health/live": Health.live,
    "/health/ready": Health.ready,
    "/health/startup": Health.startup,
}
