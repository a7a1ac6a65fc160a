"""The response headers that tell a client where it stands with its limit."""

import time
from collections.abc import Callable, Mapping
from typing import Literal

from .limit import NANOSECONDS_OF_A_SECOND, Limit
from .store import Standing

Headers = Literal["x-ratelimit", "ietf", "none"]
Field = tuple[bytes, bytes]
Fields = Callable[[Limit, Standing], list[Field]]


def seconds(nanoseconds: int) -> int:
    """Whole seconds, rounded up: whoever waits that long has waited long enough."""
    return -(-nanoseconds // NANOSECONDS_OF_A_SECOND)


def _x_ratelimit(limit: Limit, standing: Standing) -> list[Field]:
    """The three fields that most public APIs have. `Reset` is a Unix time, as in the API of GitHub."""
    _, left, reset = standing
    return [
        (b"x-ratelimit-limit", b"%d" % limit.capacity),
        (b"x-ratelimit-remaining", b"%d" % left),
        (b"x-ratelimit-reset", b"%d" % seconds(time.time_ns() + reset)),
    ]


def _ietf(limit: Limit, standing: Standing) -> list[Field]:
    """The fields of draft-ietf-httpapi-ratelimit-headers-10, which is not a standard yet."""
    name, (_, left, reset) = limit.name.encode(), standing
    return [
        (b"ratelimit-policy", b'"%b";q=%d;w=%d' % (name, limit.capacity, seconds(limit.period))),
        (b"ratelimit", b'"%b";r=%d;t=%d' % (name, left, seconds(reset))),
    ]


FIELDS: Mapping[str, Fields | None] = {"x-ratelimit": _x_ratelimit, "ietf": _ietf, "none": None}
