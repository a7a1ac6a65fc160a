"""Health: what liveness, readiness and startup mean here. Handlers only read; checks run in the background."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any

import structlog

from ..observability.metrics import HEALTH_CHECK_STATUS, SERVICE_READY
from ..observability.redaction import redact_text
from ..observability.saturation import Heartbeat

log = structlog.get_logger()

STUCK_SECONDS = 5.0  # a loop that has not run a timer for so long is not coming back by itself
FAILURES_TO_FAIL = 3
STALE_INTERVALS = 3


@dataclass(frozen=True, slots=True)
class Check:
    """An async callable that raises when unwell.

    Only a `critical` check takes the instance out of traffic. A dependency shared by all instances is not critical: its
    failure would take all of them out at once, and with them every answer that does not need it.
    """

    name: str
    probe: Callable[[], Awaitable[object]]
    critical: bool = False
    interval_seconds: float = 10.0
    timeout_seconds: float = 2.0


class CheckState:
    """The last results of one check. It fails after some failures in a row, and passes again at the first success."""

    def __init__(self, check: Check) -> None:
        """Unknown until the first result."""
        self.check = check
        self.passing: bool | None = None
        self.output = "has not run yet"
        self._failures = 0
        self._time = time.monotonic()
        HEALTH_CHECK_STATUS.labels(check.name).set_function(lambda: self.status == "pass")

    @property
    def status(self) -> str:
        """`pass` or `fail`; a result that nobody renewed in time is a failure."""
        fresh = time.monotonic() - self._time < STALE_INTERVALS * (
            self.check.interval_seconds + self.check.timeout_seconds
        )
        return "pass" if self.passing and fresh else "fail"

    async def refresh(self) -> None:
        """Run the check once."""
        try:
            async with asyncio.timeout(self.check.timeout_seconds):
                await self.check.probe()
        except Exception as error:  # noqa: BLE001 - whatever a check raises is its way of saying no
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
            say = log.info if passing else log.warning
            say("health.check_changed", check=self.check.name, status=self.status, output=self.output)


class Health:
    """The state of this instance, read from any thread."""

    def __init__(self) -> None:
        """Not started."""
        self.heartbeat = Heartbeat()
        self.started = False
        self.draining = False
        self._stuck = False
        self.checks: dict[str, CheckState] = {}
        SERVICE_READY.set_function(self.ready)

    def stop(self) -> None:
        """The loop is about to end: from here on its silence is no news."""
        self.started = False
        self.heartbeat.stop()

    def live(self) -> bool:
        """Whether the process can make progress. Depends on nothing outside it. False: restart me."""
        age = self.heartbeat.age
        stuck = self.started and age >= STUCK_SECONDS
        if stuck and not self._stuck:
            log.error("event_loop.blocked", age_seconds=round(age, 3), stack=self.heartbeat.stack())
        self._stuck = stuck
        return not stuck

    def ready(self) -> bool:
        """Whether to send requests here."""
        critical = (state for state in self.checks.values() if state.check.critical)
        return self.started and not self.draining and self.live() and all(s.status == "pass" for s in critical)

    def startup(self) -> bool:
        """Whether starting has finished."""
        return self.started

    def details(self) -> Mapping[str, Any]:
        """Everything, for people: the members of draft-inadarei-api-health-check."""
        failed = [state for state in self.checks.values() if state.status == "fail"]
        status = "fail" if not self.ready() else "warn" if failed else "pass"
        return {
            "status": status,
            "live": self.live(),
            "started": self.started,
            "draining": self.draining,
            "eventLoopAgeSeconds": round(self.heartbeat.age, 3),
            "checks": {
                name: [{"status": s.status, "critical": s.check.critical, "output": s.output}]
                for name, s in self.checks.items()
            },
        }

    def run(self, check: Check) -> Coroutine[Any, Any, None]:
        """Know the check from now on; the coroutine refreshes it for ever."""
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
