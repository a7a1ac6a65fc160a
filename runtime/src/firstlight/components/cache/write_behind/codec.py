"""Writes as JSON."""

from collections.abc import Iterator
from typing import Any, Generic, NamedTuple, TypeVar

import orjson
from pydantic import TypeAdapter, ValidationError

from ....compact import compact
from ....json_response import encoded
from ....summary import summary

WriteT = TypeVar("WriteT")


class Unreadable(NamedTuple):
    """A write that this release cannot read."""

    reason: str


class Read(NamedTuple, Generic[WriteT]):
    """One write of an entry."""

    text: bytes
    write: WriteT | Unreadable


class Codec(Generic[WriteT]):
    """Writes of one type: anything that pydantic validates and writes, such as a dataclass or a model."""

    def __init__(self, kind: type[WriteT]) -> None:
        """Raises pydantic's error for a type that it does not know."""
        self._one = TypeAdapter[WriteT](kind)
        self._many = TypeAdapter[list[WriteT]](list[kind])  # type: ignore[valid-type] # a type at run time

    def encode(self, write: WriteT) -> bytes:
        """One write. Raises `TypeError` for a value of another type."""
        return compact(encoded(write))

    def read(self, entry: bytes) -> Iterator[Read[WriteT]]:
        """The writes of an entry, in their order. What cannot be read is there as well, with the reason."""
        parts = _parts(entry)
        try:
            writes: list[WriteT] = self._many.validate_json(entry)
        except ValidationError:
            yield from (Read(part, self._write(part)) for part in parts)
        else:
            yield from (Read(part, write) for part, write in zip(parts, writes, strict=True))

    def _write(self, text: bytes) -> WriteT | Unreadable:
        try:
            return self._one.validate_json(text)
        except ValidationError as error:
            return Unreadable(summary(error))


def joined(writes: "Any") -> bytes:
    """The entry with these writes."""
    return b"[" + b",".join(writes) + b"]"


def _parts(entry: bytes) -> list[bytes]:
    """The texts of the writes; one that is the whole entry where that is no list."""
    try:
        found = orjson.loads(entry)
    except orjson.JSONDecodeError:
        return [entry]
    return [orjson.dumps(part) for part in found] if isinstance(found, list) else [entry]
