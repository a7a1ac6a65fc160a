"""When a route is fast enough, where that is not what holds for the service."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """The latency of one route, declared by an operation or in `latency` of the service.

    Every route is held to the objective of the service. `None` in place of a `Latency` takes a route out of it: a long
    poll, a download as fast as its client. A stream that is still open when the process has to end is then no failure
    of ours either; neither is one with `to_first_byte` that has begun.
    """

    seconds: float | None = None
    """Slower than this is a bad event: a bucket of the latency histogram. That of the service where it is not given."""
    ratio: float | None = None
    """Makes the route an objective of its own, `latency.<name>`, by the name of the operation or the route: that of its
    handler. Its requests then count there, and no longer into the objective of the service."""
    to_first_byte: bool = False
    """Stop the clock at the first byte of the response and not at the last: for streams."""
