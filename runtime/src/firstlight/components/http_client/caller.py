"""Sends a call as often as its policies allow, within its deadline."""

import asyncio
import time

import httpx2

from ...context import remaining_seconds
from ...requests.handler_call import TIMEOUT_MS
from .attempts import Attempts
from .connections import CONNECTED
from .deadlines import DEADLINE, HURRIED, SECONDS, late
from .dependency import Dependency, Outcome
from .failures import DEPENDENCY
from .metrics import BUDGET, NOT_RETRIED, RETRIES, WITHHELD
from .retries import LOST, Retries, RetryBudget, may_be_repeated

ONCE = Retries(attempts=1)
REST_SECONDS = 0.1  # of the time of a request, which its handler has left when a call has failed
STALE = "stale_connection"


class Caller(httpx2.AsyncBaseTransport):
    """The outermost transport of a dependency."""

    def __init__(self, policy: Dependency, seconds: float, attempts: Attempts) -> None:
        """A call takes at most `seconds`, and no longer than the request that makes it has left."""
        self._policy, self._seconds, self._attempts = policy, seconds, attempts
        self._retries = policy.retries or ONCE
        self._budget = budget = RetryBudget(self._retries)
        self._waits = {"read": policy.read_seconds, "write": policy.write_seconds}
        self._repeated = {reason: RETRIES.labels(policy.name, reason) for reason in (STALE, *self._retries.reasons)}
        self._withheld = {reason: NOT_RETRIED.labels(policy.name, reason) for reason in WITHHELD}
        BUDGET.labels(policy.name).set_function(lambda: budget.left)

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """The response, or the failure, of the last attempt."""
        now = asyncio.get_running_loop().time
        deadline = self._begin(request, now())
        self._budget.pay()
        attempt, stale = 1, False
        while True:
            outcome = await self._attempt(request, deadline - now())
            if isinstance(outcome, httpx2.Response) and outcome.status_code not in self._retries.statuses:
                return outcome
            if stale := self._was_stale(request, outcome, stale):
                delay: float | None = 0.0
            else:
                delay = self._delay(request, outcome, attempt, deadline - now())
                attempt += 1
            if delay is None:
                if isinstance(outcome, Exception):
                    raise outcome
                return outcome
            if isinstance(outcome, httpx2.Response):
                await outcome.aclose()
            await asyncio.sleep(delay)

    def _begin(self, request: httpx2.Request, now: float) -> float:
        """The deadline of the call, which is written into the request. Raises `RequestDeadlineError`."""
        given = request.extensions
        timeouts = given.get("timeout") or {}
        seconds = allowed = float(given.get(SECONDS) or timeouts.get("read") or self._seconds)
        left = remaining_seconds()
        if left is not None:
            allowed = min(seconds, left - min(REST_SECONDS, left / 10))
        request.extensions = {
            **given,
            DEPENDENCY: self._policy.name,
            SECONDS: seconds,
            HURRIED: allowed < seconds,
            DEADLINE: now + allowed,
            "timeout": {"connect": timeouts.get("connect"), **self._waits},
        }
        if allowed <= 0:
            self._attempts.refuse("deadline")
            raise late(request)
        return now + allowed

    async def _attempt(self, request: httpx2.Request, seconds: float) -> Outcome:
        if self._policy.pass_deadline:
            request.headers[TIMEOUT_MS] = str(max(1, int(seconds * 1000)))
        CONNECTED.set(False)
        try:
            return await self._attempts.send(request, seconds)
        except httpx2.TransportError as error:
            return error

    def _was_stale(self, request: httpx2.Request, outcome: Outcome, before: bool) -> bool:  # noqa: FBT001 - it is the last answer
        """Whether the dependency had closed the connection already. Such a call is sent again once, at once."""
        if before or CONNECTED.get() or not isinstance(outcome, LOST) or not may_be_repeated(request):
            return False
        self._repeated[STALE].inc()
        return True

    def _delay(self, request: httpx2.Request, outcome: Outcome, attempt: int, left: float) -> float | None:
        """Seconds until the next attempt, or None if there is none."""
        policy = self._retries
        reason = policy.reason(request, outcome) if attempt < policy.attempts else ""
        if not reason:
            return None
        delay = policy.delay(attempt, outcome, time.time())
        if delay is None:
            withheld = "retry_after"
        elif delay >= left:
            withheld = "deadline"
        elif self._budget.take():
            self._repeated[reason].inc()
            return delay
        else:
            withheld = "budget"
        self._withheld[withheld].inc()
        return None

    async def aclose(self) -> None:
        """Close the transport."""
        await self._attempts.aclose()
