"""How often a failed call is sent again, and when."""

import random
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

import httpx2

from ...errors import ArrangementError

IDEMPOTENT = frozenset({"GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"})  # RFC 9110, 9.2.2
KEY = "idempotency-key"
LOST = (httpx2.ReadError, httpx2.WriteError, httpx2.CloseError, httpx2.RemoteProtocolError)
NOT_CONNECTED = (httpx2.ConnectError, httpx2.ConnectTimeout)
WAITED = (httpx2.ReadTimeout, httpx2.WriteTimeout)
NOT_CONNECTED_REASON, LOST_REASON, WAITED_REASON = "not_connected", "connection_lost", "timeout"
_ENOUGH_ATTEMPTS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Retries:
    """Retries of calls that may be repeated. Raises `ArrangementError` for numbers that cannot work.

    A call may be repeated if its method is idempotent, if it carries an `Idempotency-Key`, or if no connection came
    about. The delay before a retry is random, between nothing and a time that doubles with each attempt; a
    `Retry-After` of the dependency is honoured. There is none that would begin after the deadline of the call.
    """

    attempts: int = 3
    """How often a call is sent at most, the first time included. 1: no retries."""
    statuses: Collection[int] = (502, 503, 504)
    """Statuses that are worth a retry."""
    first_seconds: float = 0.05
    """The longest delay before the first retry."""
    longest_seconds: float = 1.0
    """The longest delay before any retry, also by `Retry-After`: with a later one, there is no retry."""
    budget_ratio: float = 0.1
    """How many retries each call pays for. All calls of the process together cannot cause more, so that retries do not
    multiply the load of a dependency that is down."""
    budget_reserve: int = 10
    """How many retries are possible at once, and at the start."""

    def __post_init__(self) -> None:
        """Check the numbers."""
        faults = {
            f"attempts must be from 1 to {_ENOUGH_ATTEMPTS}": not 1 <= self.attempts <= _ENOUGH_ATTEMPTS,
            "longest_seconds must be at least first_seconds, and that at least 0": not (
                0 <= self.first_seconds <= self.longest_seconds < float("inf")
            ),
            "statuses must be a tuple of statuses from 400 to 599": not _are_failures(self.statuses),
            "budget_ratio must be from 0 to 1": not 0 <= self.budget_ratio <= 1,
            "budget_reserve must be at least 1": self.budget_reserve < 1,
        }
        for fault, is_there in faults.items():
            if is_there:
                msg = f"{fault} in Retries"
                raise ArrangementError(msg)

    @property
    def reasons(self) -> Sequence[str]:
        """Every value that `reason` may return."""
        return (NOT_CONNECTED_REASON, LOST_REASON, WAITED_REASON, *(f"status_{status}" for status in self.statuses))

    def reason(self, request: httpx2.Request, outcome: httpx2.Response | Exception) -> str:
        """Why the call is worth a retry, as the value of a label. Nothing if it is not, or may not be repeated."""
        if isinstance(outcome, NOT_CONNECTED):
            return NOT_CONNECTED_REASON
        if not may_be_repeated(request):
            return ""
        if isinstance(outcome, httpx2.Response):
            return f"status_{outcome.status_code}" if outcome.status_code in self.statuses else ""
        return LOST_REASON if isinstance(outcome, LOST) else WAITED_REASON if isinstance(outcome, WAITED) else ""

    def delay(self, attempt: int, outcome: httpx2.Response | Exception, now: float) -> float | None:
        """Seconds to wait after so many attempts. None if the dependency asks for more than `longest_seconds`.

        `now` is the time in seconds since the epoch, for a `Retry-After` with a date.
        """
        most = min(self.longest_seconds, self.first_seconds * 2 ** (attempt - 1))
        drawn = random.uniform(0, most)  # noqa: S311 - it spreads load
        asked = _retry_after(outcome, now) if isinstance(outcome, httpx2.Response) else 0.0
        return None if asked > self.longest_seconds else max(drawn, asked)


def _are_failures(statuses: object) -> bool:
    """A retry of each success would multiply the load."""
    return isinstance(statuses, Collection) and all(
        isinstance(status, int) and 400 <= status <= 599  # noqa: PLR2004 - as HTTP has it
        for status in statuses
    )


def may_be_repeated(request: httpx2.Request) -> bool:
    """Whether sending it twice does the same as sending it once, and its body can be sent twice."""
    again = request.method in IDEMPOTENT or KEY in request.headers
    return again and isinstance(request.stream, httpx2.ByteStream)


def _retry_after(response: httpx2.Response, now: float) -> float:
    text = response.headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - now) if text else 0.0
    except ValueError:
        return 0.0


class RetryBudget:
    """Retries that the calls so far have paid for, at most `budget_reserve`."""

    def __init__(self, policy: Retries) -> None:
        """Begin with the whole reserve."""
        self._ratio, self._reserve = policy.budget_ratio, float(policy.budget_reserve)
        self._left = self._reserve

    @property
    def left(self) -> float:
        """The part of the reserve that is left, from 0 to 1."""
        return self._left / self._reserve

    def pay(self) -> None:
        """Count a call."""
        self._left = min(self._reserve, self._left + self._ratio)

    def take(self) -> bool:
        """Whether there is one more retry, which is then used up."""
        if self._left < 1:
            return False
        self._left -= 1
        return True
