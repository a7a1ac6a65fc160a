"""The outcome of a request: its status, its error type, and whether the client or the service caused it."""

from ..error_type import error_type
from .request_record import SERVER_ERROR, UNAVAILABLE, RequestRecord
from .shedding import IN_QUEUE
from .timings import Timing

# `error_type` of a request that no exception ended. Only the first two are not the service's fault.
CLIENT_DISCONNECTED = "client_disconnected"
DRAINED = "drained"
CANCELLED = "cancelled"
INCOMPLETE = "incomplete"
SHED = "shed"
# A limit of what clients may store is reached. If it counted as a failure, any client could use up the error budget.
FULL = 507
NOT_OURS = frozenset({"", CLIENT_DISCONNECTED, DRAINED})


def outcome(request: RequestRecord, timing: Timing | None) -> tuple[int, str]:
    """Status code and `error_type`, which is empty for success and for errors of the client."""
    status, error = request.status or SERVER_ERROR, request.error
    if request.disconnected:
        return status, CLIENT_DISCONNECTED
    if request.cancelled:  # only a stream may stay open until the process ends
        streams = timing is None or timing.to_first_byte
        return status, DRAINED if streams and request.first_byte else CANCELLED
    if error is not None:
        return status, error_type(error)
    if not request.complete:
        return status, INCOMPLETE
    if request.shed or (status == UNAVAILABLE and IN_QUEUE in request.scope):
        return status, SHED
    return status, str(status) if status >= SERVER_ERROR and status != FULL else ""
