"""The response headers that tell a client where it stands with its limit."""

import time
from collections.abc import Callable, Mapping
from typing import Literal

from .limit import NANOSECONDS_OF_A_SECOND, Limit
from .store import Standing

Headers = Literal["x-ratelimit", "ietf", "none"]
Render = Callable[[Standing], bytes]
"""Returns the fields of a standing as they are sent, each with its line end."""


def seconds(nanoseconds: int) -> int:
    """Whole seconds, rounded up: a client that waits that long has waited long enough."""
    return -(-nanoseconds // NANOSECONDS_OF_A_SECOND)


def _x_ratelimit(limit: Limit) -> Render:
    """The three fields that most public APIs have. `Reset` is a Unix time, as in the API of GitHub."""
    first = b"x-ratelimit-limit: %d\r\nx-ratelimit-remaining: " % limit.capacity

    def render(standing: Standing) -> bytes:
        return b"%b%d\r\nx-ratelimit-reset: %d\r\n" % (first, standing[1], seconds(time.time_ns() + standing[2]))

    return render


def _ietf(limit: Limit) -> Render:
    """The fields of draft-ietf-httpapi-ratelimit-headers-10, which is not a standard yet."""
    name = limit.name.encode()
    policy = b'ratelimit-policy: "%b";q=%d;w=%d\r\n' % (name, limit.capacity, seconds(limit.period))

    def render(standing: Standing) -> bytes:
        return b'%bratelimit: "%b";r=%d;t=%d\r\n' % (policy, name, standing[1], seconds(standing[2]))

    return render


def _none(_: Limit) -> Render:
    return lambda _: b""


RENDERERS: Mapping[str, Callable[[Limit], Render]] = {"x-ratelimit": _x_ratelimit, "ietf": _ietf, "none": _none}
