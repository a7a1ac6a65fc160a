"""Entity tags (RFC 9110, 8.8.3): how one is made, and how those of a request are read.

A compressed response is another representation, so its strong tag is another one: `"3"` becomes `"3-gzip"`. Both name
the same version.
"""

import re
from functools import lru_cache
from hashlib import blake2b
from typing import Final, NamedTuple

MAX_TAGS = 100
REMEMBERED = 512  # tags of versions; a handler makes that of one response twice
LONGEST = 8192  # bytes of a field with tags
_DIGEST_BYTES = 16
_GZIP = "-gzip"
_OPAQUE = r"[\x21\x23-\x7e\x80-\xff]*"
_VALID = re.compile(_OPAQUE)
_TAG = re.compile(rf'(W/)?"({_OPAQUE})"')
_ELEMENT = re.compile(rf'((?:W/)?"{_OPAQUE}")[ \t]*(?:,[ \t,]*|\Z)')


class Tag(NamedTuple):
    """One entity tag of a request."""

    version: str
    """The text between the quotes, without the mark of a coding."""
    is_weak: bool
    is_compressed: bool
    text: str
    """The tag as the client has sent it."""


ANY: Final = "*"
Tags = list[Tag]


def entity_tag(version: object, *, weak: bool = False) -> str:
    """The entity tag of a version, such as a number, a time or a random text that one URL never has twice.

    A weak tag says that the content means the same, not that each byte is; it never matches `If-Match`. Raises
    `ValueError` for a text with spaces, quotes or characters beyond Latin-1.
    """
    tag = _strong(str(version))
    return f"W/{tag}" if weak else tag


@lru_cache(REMEMBERED)
def _strong(text: str) -> str:
    if _VALID.fullmatch(text) is None or text.endswith(_GZIP):
        msg = f"a version must be printable Latin-1 without spaces and quotes, and not end with {_GZIP}: {text!r}"
        raise ValueError(msg)
    return f'"{text}"'


def entity_tag_of(content: bytes) -> str:
    """The strong entity tag of these bytes. It saves the bytes on the wire, not the work of making them."""
    return f'"{blake2b(content, digest_size=_DIGEST_BYTES).hexdigest()}"'


def gzip_variant(tag: bytes) -> bytes:
    """The tag of the compressed response. A weak tag is the same for every coding."""
    return tag if tag.startswith(b"W/") or not tag.endswith(b'"') else tag[:-1] + _GZIP.encode() + b'"'


def parsed(tag: str) -> Tag | None:
    """One entity tag. None if the text is not one."""
    matched = _TAG.fullmatch(tag)
    if matched is None:
        return None
    version = matched[2].removesuffix(_GZIP)
    return Tag(version, matched[1] is not None, version != matched[2], tag)


def listed(field: str) -> Tags | None:
    """The entity tags of a field that is not `*`. None if it is not a list of them, or is too long to be read."""
    if len(field) > LONGEST:
        return None
    tags: Tags = []
    position = len(field) - len(field.lstrip(" \t,"))
    while position < len(field):
        matched = _ELEMENT.match(field, position)
        tag = None if matched is None or len(tags) == MAX_TAGS else parsed(matched[1])
        if matched is None or tag is None:
            return None
        tags.append(tag)
        position = matched.end()
    return tags or None
