"""Load is shed by waiting time: a request that has waited too long is refused at once, so that later ones wait less.

A request waits in the kernel's queues, in the server, for the event loop and for a thread. `SHED_SECONDS` limits the
wait. While no request came through quickly for a second, the queue does not drain: then the limit is a fifth,
and those that are served have waited for that long at most. The idea is CoDel's (Nichols and Jacobson, 2012), on
requests.
"""

from collections.abc import Mapping
from http import HTTPStatus

import structlog
from prometheus_client import Counter
from starlette.types import Receive, Scope, Send

from ..metrics.instruments import REGISTRY
from ..problems import RETRY_AFTER_SECONDS, ProblemResponse, UnavailableError

INTERVAL = 1_000_000_000  # nanoseconds; in each, one request must pass quickly
MIN_REQUESTS = 10  # that an interval needs to be judged
STANDING_SHARE = 5  # the part of the limit that applies while the queue does not drain
QUICK_SHARE = 10  # a request that waited less than this part of the limit passed quickly
NEVER = 1 << 62
IN_QUEUE = "firstlight.shed"  # in the scope of a request that was shed behind the router
DETAIL = "The service is overloaded. The request waited too long and was not carried out."
HEADERS = {"Retry-After": str(RETRY_AFTER_SECONDS)}

SHED = Counter("http_server_shed_requests", "Requests refused because they had waited too long.", registry=REGISTRY)

log = structlog.get_logger()


class OverloadedError(UnavailableError):
    """A request was shed while it waited behind the router."""

    headers: Mapping[str, str] = HEADERS

    def __init__(self, scope: Scope) -> None:
        """Mark the request as shed, for its telemetry."""
        super().__init__(DETAIL)
        scope[IN_QUEUE] = True


class Shedder:
    """Decides which requests have waited too long in one queue."""

    def __init__(self, queue: str, limit_seconds: float) -> None:
        """Requests wait at most `limit_seconds` in `queue`. 0 switches shedding off."""
        self._queue = queue
        self._longest = round(limit_seconds * 1e9) or NEVER
        self._standing = self._longest // STANDING_SHARE
        self._quick = self._longest // QUICK_SHARE
        self.limit = self._longest  # nanoseconds that a request may wait now
        self._ends = self._count = 0
        self._quickest = NEVER
        self._shedding = self._shed = False

    def sheds(self, wait: int, moment: int) -> bool:
        """Whether to refuse a request that has waited for `wait` nanoseconds when it can start, at `moment`."""
        if moment >= self._ends:
            self._turn(moment)
        self._quickest = min(self._quickest, wait)
        self._count += 1
        if wait <= self.limit:
            return False
        self.refuse(wait, moment)
        return True

    def note(self, wait: int, moment: int) -> None:
        """Count the wait of a request that was refused without a call of `sheds`."""
        if moment >= self._ends:
            self._turn(moment)
        self._quickest = min(self._quickest, wait)
        self._count += 1
        self.refuse(wait, moment)

    def patience(self, wait: int) -> float | None:
        """Seconds that a request may still wait after `wait` nanoseconds. None: without limit."""
        return None if self.limit == NEVER else max(0, self.limit - wait) / 1e9

    def refuse(self, wait: int, moment: int) -> None:
        """Count a request that is shed."""
        SHED.inc()
        if moment >= self._ends:
            self._turn(moment)
        if not self._shedding:
            self._shedding = True
            log.warning("service.shedding_started", queue=self._queue, waited_seconds=round(wait / 1e9, 3))
        self._shed = True

    def _turn(self, moment: int) -> None:
        """Judge the interval that has ended, and begin the next one."""
        recent = moment < self._ends + INTERVAL  # otherwise no request came for a while
        stands = recent and self._count >= MIN_REQUESTS and self._quickest > self._quick
        self.limit = self._standing if stands else self._longest
        if self._shedding and not self._shed:
            self._shedding = False
            log.info("service.shedding_ended", queue=self._queue)
        self._ends = moment + INTERVAL
        self._quickest, self._count, self._shed = NEVER, 0, False


async def refuse(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer a request that is shed before it reaches the router."""
    await ProblemResponse(HTTPStatus.SERVICE_UNAVAILABLE, DETAIL, HEADERS)(scope, receive, send)
