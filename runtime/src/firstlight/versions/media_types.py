"""The version in a media type: `application/vnd.example.v2+json`, or the parameter `version`."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from ..accept import Range, quality, ranges
from ..media_type import JSON
from .version import Version

_ANY_JSON = frozenset({"*/*", "application/*", JSON})


class Accepted(NamedTuple):
    """The version that a client accepts, and the media type that it calls it. Both are empty if it names none."""

    version: str
    media_type: str


ANY = Accepted("", "")


class MediaTypes:
    """The media types of one API."""

    def __init__(self, name: str, versions: Mapping[str, Version]) -> None:
        """`versions` by what a client may write: `v2` and `2`."""
        self._plain = f"application/{name}+json".lower()
        self._versions = versions
        self._by_type = {f"application/{name}.{written}+json".lower(): each.name for written, each in versions.items()}

    def accepted(self, accept: bytes) -> Accepted | None:
        """What a client accepts most, by `Accept`. None if that has no version of the API."""
        found = ranges(accept.decode("latin-1"))
        if not found:
            return ANY
        weighed = [(self._quality(each, found), each.precedence, self._accepted(each)) for each in found]
        usable = [each for each in weighed if each[0] > 0 and each[2] is not None]
        return max(usable, key=lambda each: each[:2])[2] if usable else None

    def sent(self, content_type: bytes) -> str | None:
        """The version of a body. Empty if its media type names none, None if it names an unknown one."""
        found = ranges(content_type.decode("latin-1"))
        accepted = self._accepted(found[0]) if found else ANY
        if accepted is not None:
            return accepted.version
        return "" if self._is_foreign(found[0]) else None

    def _quality(self, each: Range, found: Sequence[Range]) -> float:
        return quality(found, JSON) if each.media_type in _ANY_JSON and not each.parameters else each.quality

    def _accepted(self, each: Range) -> Accepted | None:
        if each.media_type in self._by_type:
            return Accepted(self._by_type[each.media_type], each.media_type)
        if each.media_type not in {self._plain, *_ANY_JSON}:
            return None
        if "version" not in each.parameters:
            return ANY
        version = self._versions.get(each.parameters["version"])
        if version is None:
            return None
        media_type = JSON if "*" in each.media_type else each.media_type
        return Accepted(version.name, f"{media_type}; version={version.name}")

    def _is_foreign(self, each: Range) -> bool:
        """Whether a media type is none of this API, such as a merge patch or a form."""
        return not each.media_type.startswith(self._plain.removesuffix("+json")) and "version" not in each.parameters
