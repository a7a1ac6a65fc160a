"""The arrival time of a request and its client, as the server wrote them into the scope.

A request may have waited for the event loop, and a proxy may have sent it for another client.
"""

import time

from starlette.types import Scope

ARRIVED = "firstlight.arrived"  # nanoseconds of `time.perf_counter_ns`
PEER = "firstlight.peer"  # address and port of the other end of the connection


def now() -> int:
    """The time of the clock that measures requests, in nanoseconds."""
    return time.perf_counter_ns()


def arrived(scope: Scope) -> int:
    """The time at which the first byte arrived, in nanoseconds. Now, where the server did not note it."""
    moment: int = scope.get(ARRIVED) or now()
    return moment


def waited(scope: Scope) -> int:
    """The time since the first byte arrived, in nanoseconds."""
    return now() - arrived(scope)
