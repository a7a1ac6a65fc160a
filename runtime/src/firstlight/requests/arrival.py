"""The arrival time of a request and its client, as the server wrote them into the scope.

A request may have waited for the event loop, and a proxy may have sent it for another client.
"""

import time

from starlette.types import Scope

ARRIVED = "firstlight.arrived"  # nanoseconds of `time.perf_counter_ns`
PEER = "firstlight.peer"  # address and port of the other end of the connection


def now() -> int:
    """The clock: nanoseconds."""
    return time.perf_counter_ns()


def arrived(scope: Scope) -> int:
    """Nanoseconds at which the first byte arrived; now, where the server does not say."""
    moment: int = scope.get(ARRIVED) or now()
    return moment


def waited(scope: Scope) -> int:
    """Nanoseconds since the first byte arrived."""
    return now() - arrived(scope)
