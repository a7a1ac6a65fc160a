"""The media types that a client accepts: the field `Accept` (RFC 9110, 12.5.1)."""

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from starlette.types import Scope

from .media_type import JSON

MAX_BYTES = 1024  # a longer field counts as one that accepts everything
REMEMBERED = 256  # fields; browsers and libraries send few different ones

_TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"  # noqa: S105 - RFC 9110, 5.6.2
_QUOTED = r'"(?:[^"\\]|\\.)*"'
_ELEMENT = re.compile(rf"(?:{_QUOTED}|[^,\"])+")
_RANGE = re.compile(rf"[ \t]*({_TOKEN})/({_TOKEN})[ \t]*((?:;(?:{_QUOTED}|[^\"])*)?)")
_PARAMETER = re.compile(rf";[ \t]*({_TOKEN})=({_TOKEN}|{_QUOTED})[ \t]*(?=;|$)")
_QUALITY = re.compile(r"0(?:\.\d{0,3})?|1(?:\.0{0,3})?")


class Range(NamedTuple):
    """One element of the field: `application/*; q=0.5`."""

    media_type: str
    """In lower case, such as `application/json`, `application/*` or `*/*`."""
    parameters: Mapping[str, str]
    """Without `q`. Names and values in lower case."""
    quality: float
    """From 0 (not acceptable) to 1."""

    @property
    def precedence(self) -> tuple[int, int]:
        """The more specific of two ranges decides about a media type."""
        return 2 - self.media_type.count("*"), len(self.parameters)


def field(scope: Scope, name: bytes) -> bytes:
    """The values of a header field, joined by commas. Empty without the field."""
    found = b""
    for each, value in scope["headers"]:
        if each == name:
            found = found + b"," + value if found else value
    return found


def ranges(accept: str) -> Sequence[Range]:
    """The elements of the field. Those that are malformed are left out."""
    return [found for element in _ELEMENT.findall(accept) if (found := _range(element)) is not None]


def _range(element: str) -> Range | None:
    matched = _RANGE.fullmatch(element)
    if matched is None:
        return None
    parameters = {name.lower(): value.strip('"').lower() for name, value in _PARAMETER.findall(matched[3])}
    quality = parameters.pop("q", "1")
    if _QUALITY.fullmatch(quality) is None:
        return None
    return Range(f"{matched[1]}/{matched[2]}".lower(), parameters, float(quality))


def quality(accepted: Iterable[Range], media_type: str) -> float:
    """How much a client wants a media type, by the most specific range that covers it. 0: not at all."""
    covering = {media_type, f"{media_type.partition('/')[0]}/*", "*/*"}
    best = max((each for each in accepted if each.media_type in covering), key=_weight, default=None)
    return 0.0 if best is None else best.quality


def _weight(each: Range) -> tuple[tuple[int, int], float]:
    return each.precedence, each.quality


@lru_cache(REMEMBERED)
def _allows_json(accept: bytes) -> bool:
    found = ranges(accept.decode("latin-1"))
    return not found or quality(found, JSON) > 0


def allows_json(accept: bytes) -> bool:
    """Whether a client accepts JSON. A field without a valid element counts as one that accepts everything."""
    return len(accept) > MAX_BYTES or _allows_json(accept)
