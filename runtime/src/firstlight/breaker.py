"""A circuit breaker: when too many calls of a dependency fail or are slow, further calls are refused for a while.

The states are those of `circuit.py`. Here are the calls, metrics, log events and the problem document.
"""

import math
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

import structlog
from prometheus_client import Gauge

from .breaker_policy import BreakerPolicy
from .circuit import Circuit, State
from .metrics.counts import Counts
from .metrics.instruments import REGISTRY
from .problems import UnavailableError

__all__ = ["Breaker", "BreakerOpenError", "BreakerPolicy", "IsFailure", "State", "every_exception"]

ResultT = TypeVar("ResultT")
IsFailure = Callable[[object, Exception | None], bool]

CODES = {State.CLOSED: 0, State.HALF_OPEN: 1, State.OPEN: 2}
LABELS = ("component", "dependency")
NEVER_SECONDS = math.inf

STATE = Gauge("circuit_breaker_state", "0 is closed, 1 half-open, 2 open.", LABELS, registry=REGISTRY)
TRANSITIONS = Counts("circuit_breaker_transitions", "Changes to this state.", (*LABELS, "state"), REGISTRY)
REFUSED = Counts("circuit_breaker_refused", "Calls that an open circuit breaker has refused.", LABELS, REGISTRY)

log = structlog.get_logger()


class BreakerOpenError(UnavailableError):
    """The circuit breaker of a dependency is open: nothing was sent. Status 503 with `Retry-After`."""

    def __init__(self, dependency: str, seconds: float) -> None:
        """`seconds` until a call may pass are rounded up, to at least 1."""
        super().__init__(f"The service {dependency}, which this one depends on, fails too often at the moment.")
        self.retry_after_seconds = max(1, math.ceil(seconds))
        self.headers = {"Retry-After": str(self.retry_after_seconds)}
        self.members = {"dependency": dependency}


def every_exception(_: object, error: Exception | None) -> bool:
    """Whether a call has failed, for work that raises when it fails."""
    return error is not None


class Breaker:
    """The circuit breaker of one dependency, in one process. A call that its caller cancels does not count."""

    def __init__(
        self,
        name: str,
        policy: BreakerPolicy,
        *,
        component: str,
        is_failure: IsFailure = every_exception,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`component` and `name` are labels. `is_failure` gets what a call returned, or None and what it raised."""
        self._name, self._component, self._clock, self._is_failure = name, component, clock, is_failure
        self._slow_seconds = policy.slow_seconds or NEVER_SECONDS
        self._refused = REFUSED.labels(component, name)
        self._circuit = Circuit(policy)
        for state in CODES:  # they exist from the start, so that increase() sees the first one
            TRANSITIONS.labels(component, name, state)
        STATE.labels(component, name).set_function(lambda: CODES[self.state])

    @property
    def state(self) -> State:
        """Closed, half-open or open. It is half-open as soon as the next call would pass."""
        state = self._circuit.state
        return State.HALF_OPEN if state is State.OPEN and self._clock() >= self._circuit.reopens else state

    async def call(self, work: Callable[[], Awaitable[ResultT]]) -> ResultT:
        """Await `work` and return its result. Raises `BreakerOpenError` without calling it while it is open."""
        circuit, began = self._circuit, self._clock()
        era: int | None = circuit.era  # before the state: a call that another thread outruns is not counted
        if circuit.state is not State.CLOSED:
            era = self._admitted(began)
        if era is None:
            self._refused.inc()
            raise BreakerOpenError(self._name, circuit.reopens - began)
        try:
            result = await work()
        except Exception as error:
            self._end(era, began, None, error)
            raise
        except BaseException:
            circuit.interrupt(era)
            raise
        self._end(era, began, result, None)
        return result

    def failed(self, error: Exception) -> None:
        """Count a failure after `call` has returned, such as an incomplete body. It counts as one more call."""
        now = self._clock()
        if (era := self._admitted(now)) is not None:
            self._end(era, now, None, error)

    def _admitted(self, now: float) -> int | None:
        era, state = self._circuit.admit(now)
        if state is not None:
            self._tell(state)
        return era

    def _end(self, era: int, began: float, result: object, error: Exception | None) -> None:
        now = self._clock()
        failed = self._is_failure(result, error)
        state = self._circuit.end(era, now, failed=failed, slow=now - began >= self._slow_seconds)
        if state is not None:
            self._tell(state)

    def _tell(self, state: State) -> None:
        """Count and log a change of the state."""
        TRANSITIONS.labels(self._component, self._name, state).inc()
        fields = {"component": self._component, "dependency": self._name}
        if state is State.OPEN:
            tally = self._circuit.tally
            log.warning("breaker.opened", **fields, calls=tally.calls, failed=tally.failed, slow=tally.slow)
        elif state is State.HALF_OPEN:
            log.info("breaker.half_opened", **fields)
        else:
            log.info("breaker.closed", **fields)
