"""The latency objective of a single route, where that of the service does not fit."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """The latency objective of one route, given by its operation or by `latency` of the service.

    Without it, the latency objective of the service applies. `None` in place of a `Latency` excludes the route from
    every latency objective, for example a long poll or a large download. A response that the end of the process cuts
    counts as an error, unless its first byte was sent and its route is excluded or has `to_first_byte`.
    """

    seconds: float | None = None
    """Threshold: a slower request is a bad event. It must be a bucket of the latency histogram. None: the service's."""
    ratio: float | None = None
    """Gives the route its own objective, `latency.<name>`, with this ratio. The name is that of the operation or route,
    which is that of its handler. Its requests then no longer count for the latency objective of the service."""
    to_first_byte: bool = False
    """Measure until the first byte of the response, not until the last. For streams."""
