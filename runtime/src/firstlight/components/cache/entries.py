"""An entry: in memory an object, in Redis a line of JSON about it and the JSON of its value."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import orjson
from pydantic import ValidationError

from .cached import Cached

ValueT = TypeVar("ValueT")
ABSENT = b"null"
_LINE_END = b"\n"


class EntryError(ValueError):
    """A text in Redis is no entry of this kind."""


class Lease:
    """Until when memory may be trusted; `until` is a time of `time.monotonic`."""

    __slots__ = ("until",)

    def __init__(self, until: float) -> None:
        """Trust memory until then."""
        self.until = until


@dataclass(slots=True)
class Entry(Generic[ValueT]):
    """What is known about one key. Times are those of `time.monotonic`."""

    value: ValueT | None
    """None for what does not exist."""
    payload: bytes
    fresh_until: float
    exists_until: float
    size: int = 0
    tags: Mapping[str, str] = field(default_factory=dict)
    """The tokens of the tags when it was written."""
    tag_names: Sequence[str] = ()
    """The names of the tags' keys."""
    lease: Lease | None = None
    """Of an entry of Redis: until when memory may be trusted."""
    next_load: float = 0.0
    """When a stale entry may be loaded again."""

    @property
    def fresh_seconds(self) -> float:
        """For how long it is fresh; not below 0."""
        return max(0.0, self.fresh_until - time.monotonic())


@dataclass(frozen=True, slots=True)
class Written:
    """The parts of an entry for Redis, which adds the tokens of the tags."""

    head: bytes
    payload: bytes
    milliseconds: int
    """After which Redis removes it."""
    tags: Sequence[str]


def made(cached: Cached[ValueT], value: ValueT | None) -> Entry[ValueT]:
    """The entry of a value, from now on. Raises errors of pydantic for a value of another type."""
    payload = ABSENT if value is None else cached.encode(value, warnings="error")
    fresh, exists = cached.lifetime(value)
    now = time.monotonic()
    return Entry(value, payload, now + fresh, now + exists, tags=dict.fromkeys(cached.tags_of(value), ""))


def written(entry: Entry[Any]) -> Written:
    """The entry for Redis. Its time is that of the wall clock, which instances share."""
    now, wall = time.monotonic(), time.time()
    head = orjson.dumps({"fresh_until": round(wall + entry.fresh_until - now, 3)})[:-1]
    return Written(head, entry.payload, max(1, round((entry.exists_until - now) * 1000)), tuple(entry.tags))


def read(cached: Cached[ValueT], text: bytes) -> Entry[ValueT]:
    """The entry of a text from Redis. Raises `EntryError`."""
    line, end, payload = text.partition(_LINE_END)
    try:
        head = orjson.loads(line)
        left = float(head["fresh_until"]) - time.time()
        tags = head.get("tags") or {}
        value = None if payload == ABSENT else cached.decode(payload)
    except (ValueError, TypeError, KeyError, AttributeError, ValidationError) as error:
        msg = f"An entry of {cached.name} cannot be read ({type(error).__name__})."
        raise EntryError(msg) from None
    if not end or not isinstance(tags, dict):
        msg = f"An entry of {cached.name} has no value."
        raise EntryError(msg)
    now = time.monotonic()
    fresh = now + min(left, cached.ttl)  # a clock that is wrong must not make it live longer
    return Entry(value, payload, fresh, max(now, fresh) + cached.stale, len(text), tags)
