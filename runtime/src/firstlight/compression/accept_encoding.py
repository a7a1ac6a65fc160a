"""Whether a client prefers gzip, by its `Accept-Encoding` (RFC 9110, 12.5.3)."""

import re
from functools import lru_cache

LONGEST = 1024  # bytes of a header; no client needs more to name its codings
_CODING = re.compile(r"([!#$%&'*+.^_`|~0-9a-z-]+)[ \t]*(?:;[ \t]*q[ \t]*=[ \t]*(0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?))?")
_GZIP = ("gzip", "x-gzip", "*")


@lru_cache(64)
def prefers_gzip(header: bytes) -> bool:
    """Whether gzip is acceptable, and not less welcome than no coding. An element that cannot be read is ignored."""
    if len(header) > LONGEST:
        return False
    weights = {}
    for element in header.decode("latin-1").lower().split(","):
        if (matched := _CODING.fullmatch(element.strip(" \t"))) is not None:
            weights[matched[1]] = float(matched[2] or 1)
    gzip = next((weights[coding] for coding in _GZIP if coding in weights), 0)
    return gzip > 0 and gzip >= weights.get("identity", 0)
