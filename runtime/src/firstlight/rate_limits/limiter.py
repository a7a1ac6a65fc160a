"""The open resource of the component: its store, and what to do with the standings of a request."""

from collections.abc import Sequence

import structlog
from starlette.responses import Response
from starlette.types import Scope

from ..logs.limited_lines import LimitedLines
from ..requests.response_start import MORE
from .checks import Check
from .metrics import FAILED, LIMITED, REPORTED, UNCHECKED
from .refusal import refused, unavailable
from .store import Standing, Store

_LEFT = "firstlight.left"  # in the scope: what is left of the strictest limit so far
_STORE_FAILED = "rate_limits.store_failed"

log = structlog.get_logger()


class Limiter:
    """The limits of one application while it serves."""

    def __init__(self, store: Store, *, refuses: bool = True) -> None:
        """Ask `store`. Without `refuses`, what would be refused is only counted."""
        self.take = store.take
        self._refuses = refuses
        self._lines = LimitedLines((_STORE_FAILED,))

    def judge(self, checks: Sequence[Check], standings: Sequence[Standing], scope: Scope) -> Response | None:
        """Count the standings of a request. Returns the response if a limit refuses it."""
        check, standing = checks[0], standings[0]
        if len(checks) > 1:
            check, standing = max(zip(checks, standings, strict=True), key=_wait)
        if standing[0]:
            return self._limited(checks, standings, scope)
        for each in checks:
            each.allowed.tick()
        if len(checks) > 1:
            check, standing = min(zip(checks, standings, strict=True), key=_left)
        if _LEFT not in scope or standing[1] < scope[_LEFT]:
            scope[_LEFT] = standing[1]
            scope[MORE] = check.render(standing)
        return None

    def _limited(self, checks: Sequence[Check], standings: Sequence[Standing], scope: Scope) -> Response | None:
        """Count the limits that refuse. The one with the longest wait answers."""
        refusing = [(check, standing) for check, standing in zip(checks, standings, strict=True) if standing[0]]
        for check, _ in refusing:
            check.counts[LIMITED if self._refuses else REPORTED].inc()
        check, standing = max(refusing, key=_wait)
        scope[MORE] = check.render(standing)
        return refused(check, standing, scope) if self._refuses else None

    def unchecked(self, checks: Sequence[Check], error: Exception) -> Response | None:
        """Count a request that the store could not answer for. Returns a response if one limit does not let it pass."""
        if (suppressed := self._lines.suppressed(_STORE_FAILED)) is not None:
            log.warning(_STORE_FAILED, error=repr(error), suppressed=suppressed)
        closed = [check for check in checks if check.limit.when_store_fails == "refuse"]
        for check in checks:
            check.counts[FAILED if closed and self._refuses else UNCHECKED].inc()
        return unavailable() if closed and self._refuses else None


def _left(checked: tuple[Check, Standing]) -> int:
    return checked[1][1]


def _wait(refusing: tuple[Check, Standing]) -> int:
    return refusing[1][0]
