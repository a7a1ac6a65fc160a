"""Load is shed by waiting time: who has waited too long is told so at once, and those behind wait less.

A request waits in the kernel's queues, in the server, and for the event loop. `SHED_SECONDS` limits the wait. While no
request came through quickly for a second, the queue does not drain by itself: then the limit is a fifth, and those that
are served have waited for that long at most. The idea is CoDel's (Nichols and Jacobson, 2012), on requests.
"""

import structlog
from prometheus_client import Counter
from starlette.types import Receive, Scope, Send

from ..metrics.instruments import REGISTRY
from ..problems import RETRY_AFTER_SECONDS, ProblemResponse

INTERVAL = 1_000_000_000  # nanoseconds in which one request has to come through quickly
MIN_REQUESTS = 10  # of an interval that tells anything
STANDING_SHARE = 5  # while the queue stands, a request may wait for this part of the limit
QUICK_SHARE = 10  # who waited less than this part of the limit came through quickly
UNAVAILABLE = 503

SHED = Counter("http_server_shed_requests", "Requests refused because they had waited too long.", registry=REGISTRY)

log = structlog.get_logger()


class Shedder:
    """Decides which requests have waited too long."""

    def __init__(self, limit_seconds: float) -> None:
        """Nobody waits longer than `limit_seconds`; 0 switches shedding off."""
        self._limit = round(limit_seconds * 1e9)
        self._standing_limit = self._limit // STANDING_SHARE
        self._quick = self._limit // QUICK_SHARE
        self._ends = 0
        self._quickest = self._count = 0
        self._standing = self._shedding = False

    def sheds(self, waited: int, now: int) -> bool:
        """Whether to refuse a request that has `waited` nanoseconds before it can start, `now`."""
        if now >= self._ends:
            self._turn(now)
        self._quickest = min(self._quickest, waited)
        self._count += 1
        if waited <= self._standing_limit or not self._limit:
            return False
        if waited <= self._limit and not self._standing:
            return False
        self._refuse(waited)
        return True

    def _turn(self, now: int) -> None:
        """Judge the interval that has ended, and begin the next one."""
        stale = now >= self._ends + INTERVAL  # nothing came for a while
        self._standing = not stale and self._count >= MIN_REQUESTS and self._quickest > self._quick
        if self._shedding and not self._standing and self._quickest <= self._quick:
            self._shedding = False
            log.info("service.shedding_ended")
        self._ends = now + INTERVAL
        self._quickest, self._count = INTERVAL * 3600, 0

    def _refuse(self, waited: int) -> None:
        SHED.inc()
        if not self._shedding:
            self._shedding = True
            log.warning("service.shedding_started", waited_seconds=round(waited / 1e9, 3))


async def refuse(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer a request that is shed."""
    headers = {"Retry-After": str(RETRY_AFTER_SECONDS)}
    detail = "The service is overloaded. The request waited too long and was not carried out."
    await ProblemResponse(UNAVAILABLE, detail, headers)(scope, receive, send)
