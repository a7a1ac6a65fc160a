"""Health: liveness, readiness and startup. Checks run in the background; the handlers of probes only read results."""

import asyncio
import time
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

import structlog

from .. import failures
from ..context import UNOBSERVED
from ..lifecycle import Lifecycle
from ..logs.redaction import redact_text
from ..metrics.event_loop import Heartbeat
from ..metrics.instruments import HEALTH_CHECK_STATUS, SERVICE_READY
from ..summary import summary
from .check import Check

log = structlog.get_logger()

STUCK_SECONDS = 5.0  # liveness fails when the loop has run no timer for so long
FAILURES_TO_FAIL = 3
STALE_INTERVALS = 3
REPORT_SECONDS = 600.0  # between two reports of one check to error tracking; each change is still logged


class CheckState:
    """The last results of one check. It fails after several failures in a row, and passes after one success."""

    def __init__(self, check: Check) -> None:
        """The check has not run yet."""
        self.check = check
        self.passing: bool | None = None
        self.output = "has not run yet"
        self._failures = 0
        self._time = time.monotonic()
        self._reported: float | None = None
        HEALTH_CHECK_STATUS.labels(check.name).set_function(lambda: self.status == "pass")

    @property
    def status(self) -> str:
        """`pass` or `fail`. A result that is too old counts as `fail`."""
        fresh = time.monotonic() - self._time < STALE_INTERVALS * (
            self.check.interval_seconds + self.check.timeout_seconds
        )
        return "pass" if self.passing and fresh else "fail"

    async def refresh(self) -> None:
        """Run the check once. It gets no span and no request metrics."""
        unobserved = UNOBSERVED.set(True)
        try:
            async with asyncio.timeout(self.check.timeout_seconds):
                await self.check.probe()
        except BaseException as error:
            if not failures.is_survived(error):
                raise
            self._failures += 1
            self.output = redact_text(summary(error))
            self._note(None if self.passing and self._failures < FAILURES_TO_FAIL else error)
        else:
            self._failures = 0
            self.output = ""
            self._note(None)
        finally:
            UNOBSERVED.reset(unobserved)

    def _note(self, error: BaseException | None) -> None:
        """Log a change of the status: with the error when the check begins to fail, and when it passes again."""
        self._time = time.monotonic()
        if self.passing is (error is None):
            return
        self.passing = error is None
        said = {"check": self.check.name, "status": self.status, "output": self.output}
        if error is None:
            log.info("health.check_changed", **said)
        elif isinstance(error, failures.KnownError):
            log.warning("health.check_changed", **said)
        elif self._reported is None or self._time - self._reported >= REPORT_SECONDS:
            self._reported = self._time
            failures.report("check", "health.check_changed", error, **said)
        else:
            log.warning("health.check_changed", **said, exc_info=error)


class Health:
    """The health of this instance. It may be read from any thread."""

    def __init__(self, lifecycle: Lifecycle) -> None:
        """The process is starting."""
        self.heartbeat = Heartbeat()
        self._lifecycle = lifecycle
        self.checks: dict[str, CheckState] = {}
        SERVICE_READY.set_function(self.ready)

    def stop(self) -> None:
        """Stop judging liveness: the loop is shutting down."""
        self._lifecycle.started = False
        self.heartbeat.stop()

    def live(self) -> bool:
        """Whether the event loop makes progress. Depends on nothing else. False: restart the process."""
        return not self._lifecycle.started or self.heartbeat.age < STUCK_SECONDS

    def ready(self) -> bool:
        """Whether the instance should get requests."""
        critical = (state for state in self.checks.values() if state.check.critical)
        return (
            self._lifecycle.started
            and not self._lifecycle.draining
            and self.live()
            and all(s.status == "pass" for s in critical)
        )

    def startup(self) -> bool:
        """Whether the start has finished."""
        return self._lifecycle.started

    def details(self) -> Mapping[str, Any]:
        """All states and results, with the members of draft-inadarei-api-health-check."""
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
        """Add a check. The returned coroutine runs it periodically until it is cancelled."""
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
