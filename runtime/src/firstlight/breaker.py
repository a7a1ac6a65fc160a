"""A circuit breaker: when too many calls of a dependency fail or are slow, further calls are refused for a while.

The state machine is interlock's, and only this module imports it. It adds metrics, log events and the problem document.
"""

import math
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TypeVar

import structlog
from interlock import CircuitBreaker, CircuitOpenError, Config, State, WindowType
from interlock.protocols import CoreEventListener
from prometheus_client import Gauge

from .breaker_policy import BreakerPolicy
from .metrics.counts import Counts
from .metrics.instruments import REGISTRY
from .problems import UnavailableError

__all__ = ["Breaker", "BreakerOpenError", "BreakerPolicy", "IsFailure", "State", "every_exception"]

ResultT = TypeVar("ResultT")
IsFailure = Callable[[object, Exception | None], bool]

CODES = {State.CLOSED: 0, State.HALF_OPEN: 1, State.OPEN: 2}
LABELS = ("component", "dependency")
NEVER_SECONDS = 1e9

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
        self._name, self._open_seconds, self._clock = name, policy.open_seconds, clock
        self._refused = REFUSED.labels(component, name)
        self._transitions = _Transitions(component, clock)
        inputs = _Inputs(clock, is_failure)
        self._circuit = CircuitBreaker(
            name=name,
            config=_config(policy),
            clock=inputs,
            classifier=inputs,
            listener=self._transitions,
        )
        self._transitions.circuit = self._circuit
        for state in CODES:  # they exist from the start, so that increase() sees the first one
            TRANSITIONS.labels(component, name, state)
        STATE.labels(component, name).set_function(lambda: CODES[self.state])

    @property
    def state(self) -> State:
        """Closed, half-open or open. It is half-open as soon as the next call would pass."""
        state = self._circuit.state
        over = self._clock() >= self._transitions.opened + self._open_seconds
        return State.HALF_OPEN if state is State.OPEN and over else state

    async def call(self, work: Callable[[], Awaitable[ResultT]]) -> ResultT:
        """Await `work` and return its result. Raises `BreakerOpenError` without calling it while it is open."""
        try:
            return await self._circuit.call_async(work)
        except CircuitOpenError as error:
            self._refused.inc()
            raise BreakerOpenError(self._name, error.retry_after or 0) from None

    def failed(self, error: Exception) -> None:
        """Count a failure after `call` has returned, such as an incomplete body. It counts as one more call."""
        with suppress(CircuitOpenError, type(error)), self._circuit:
            raise error


class _Transitions(CoreEventListener):
    """Logs and counts the transitions of one breaker."""

    circuit: CircuitBreaker

    def __init__(self, component: str, clock: Callable[[], float]) -> None:
        self._component, self._clock = component, clock
        self.opened = 0.0

    def on_state_change(self, *, name: str, old: State, new: State) -> None:
        del old
        TRANSITIONS.labels(self._component, name, new).inc()
        fields = {"component": self._component, "dependency": name}
        if new is State.OPEN:
            self.opened = self._clock()
            window = self.circuit.snapshot()
            counts = {"calls": window.total_calls, "failed": window.failed_calls, "slow": window.slow_calls}
            log.warning("breaker.opened", **fields, **counts)
        elif new is State.HALF_OPEN:
            log.info("breaker.half_opened", **fields)
        else:
            log.info("breaker.closed", **fields)


class _Inputs:
    """The clock and the classifier in the form that interlock calls."""

    def __init__(self, clock: Callable[[], float], is_failure: IsFailure) -> None:
        self.monotonic = clock
        self._is_failure = is_failure

    def is_failure(self, *, result: object, exception: Exception | None) -> bool:
        return self._is_failure(result, exception)


def _config(policy: BreakerPolicy) -> Config:
    return Config(
        failure_rate_threshold=policy.failure_ratio,
        minimum_number_of_calls=policy.minimum_calls,
        slow_call_duration_threshold=policy.slow_seconds or NEVER_SECONDS,
        slow_call_rate_threshold=policy.slow_ratio,
        permitted_calls_in_half_open=policy.probes,
        max_concurrent_probes=policy.probes,
        wait_duration_in_open=policy.open_seconds,
        window_type=WindowType.TIME_BASED,
        window_size=policy.window_seconds,
    )
