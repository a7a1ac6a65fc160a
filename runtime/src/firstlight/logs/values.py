"""Converts any value into JSON types (text, numbers, lists, mappings) of limited size.

The functions do not raise. A value that cannot be rendered becomes a marker with the name of its class. All errors of a
representation are caught, including `SystemExit`, because a logging call must not end the process. Only
`KeyboardInterrupt`, which may occur at any time, is passed on. Text is cut, but not redacted: see `redaction`.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime, time
from enum import Enum
from itertools import islice
from typing import Any
from uuid import UUID

from .limits import KEY_BYTES, LINE_BYTES, MEMBERS, TEXT_BYTES, cut, cut_middle

CUT = "...[cut]"
# These fields are cut in the middle, because both ends are needed.
TRACES = ("exception", "stack")
_LINE = LINE_BYTES  # rendered for one line, members of members included
_SMALL = 256  # characters; shorter values are shown even if other fields have used up the limit of the line
_MEMBER = 8  # bytes that a member costs besides its text
_MAX_DEPTH = 8
_INTEGERS = range(-(2**63), 2**64)  # beyond them JSON's readers differ
_MAX_BITS = 4096  # the time to write an integer grows with the square of its length
_SMALL_TYPES = frozenset((int, float, bool, type(None)))
_name_of, _module_of = (type.__dict__[name].__get__ for name in ("__qualname__", "__module__"))  # past any metaclass


def fields(event: Mapping[Any, Any]) -> dict[str, Any]:
    """The fields of one line."""
    size = _Size(_LINE)
    shown: dict[str, Any] = {}
    for key, value in islice(event.items(), MEMBERS):
        shown[key_text(key)] = _field(key, value, size)
    if len(event) > MEMBERS:
        shown["..."] = f"[cut {len(event) - MEMBERS} fields]"
    return shown


def plain(value: Any) -> Any:
    """One value, outside of any container."""
    return _shown(value, 0, _Size(_LINE))


def key_text(key: Any) -> str:
    """The text of a key."""
    if type(key) is str and len(key) <= KEY_BYTES // 4:
        return key
    try:
        named = key._value_ if issubclass(type(key), Enum) else key
        return cut(named if isinstance(named, str) else repr(named), KEY_BYTES)
    except KeyboardInterrupt:
        raise
    except BaseException:  # noqa: BLE001 - somebody else's class
        return marker(key)


def marker(value: object) -> str:
    """The text for a value that cannot be rendered."""
    return f"<unrenderable {type_name(type(value))}>"


def type_name(cls: type) -> str:
    """The qualified name of a class, read past its metaclass."""
    return cut(_name_of(cls), KEY_BYTES)


def module_name(cls: type) -> str:
    """The module of a class, or an empty text if it has none."""
    try:
        return cut(_module_of(cls), KEY_BYTES)
    except (AttributeError, TypeError):
        return ""


class _Size:
    """The number of bytes that may still be rendered."""

    def __init__(self, left: int) -> None:
        self.left = left


def _field(key: str, value: Any, size: _Size) -> Any:
    if type(value) is str and len(value) <= _SMALL:
        return value
    return cut_middle(value) if key in TRACES and type(value) is str else _shown(value, 0, size)


def _shown(value: Any, depth: int, size: _Size) -> Any:
    kind = type(value)
    if (kind in _SMALL_TYPES and (kind is not int or value in _INTEGERS)) or (kind is str and len(value) <= _SMALL):
        shown = value
    else:
        try:
            shown = _container(value, kind, depth, size) if kind in _CONTAINERS else _rendered(value, kind, depth, size)
        except KeyboardInterrupt:
            raise
        except BaseException:  # noqa: BLE001 - somebody else's class
            shown = marker(value)
    size.left -= _MEMBER + (len(shown) if type(shown) is str else 0)
    return shown


def _rendered(value: Any, kind: type, depth: int, size: _Size) -> Any:
    if issubclass(kind, Enum):  # before str and int, which it may be as well
        return _shown(value._value_, depth + 1, size)  # its public name is a property
    if issubclass(kind, str):
        return cut(value, min(TEXT_BYTES, max(size.left, _SMALL)))
    for known, show in _SHOWN_AS.items():
        if issubclass(kind, known):
            return show(value)
    if issubclass(kind, _CONTAINERS):
        return _container(value, kind, depth, size)
    return cut(repr(value), min(TEXT_BYTES, max(size.left, _SMALL)))


def _container(value: Any, kind: type, depth: int, size: _Size) -> Any:
    if depth >= _MAX_DEPTH:
        return f"...[cut: {type_name(kind)} nested too deep]"
    if issubclass(kind, tuple) and type(names := getattr(kind, "_fields", None)) is tuple:  # each value has a name
        return _mapping(dict(zip(names, tuple.__iter__(value), strict=False)), dict, depth, size)
    for known in _LISTS:
        if issubclass(kind, known):
            return _list(known.__iter__(value), known.__len__(value), depth, size)
    return _mapping(value, kind, depth, size)


_LISTS: tuple[Any, ...] = (list, tuple, set, frozenset)
_CONTAINERS = (dict, *_LISTS, Mapping)


def _integer(value: int) -> int | str:
    number = int.__int__(value)
    if number in _INTEGERS:
        return number
    return str(number) if number.bit_length() <= _MAX_BITS else f"<int of {number.bit_length()} bits>"


def _bytes(value: bytes | bytearray) -> str:
    head = bytes(value[:TEXT_BYTES])
    text = cut(repr(head))
    return text if len(value) == len(head) else f"{text}...[cut {len(value) - len(head)} bytes]"


def _instant(value: datetime) -> str:
    """The format of orjson, which itself crashes if `utcoffset` raises."""
    return datetime.isoformat(value).replace("+00:00", "Z")


_SHOWN_AS: Mapping[type, Any] = {
    int: _integer,
    float: float.__float__,
    datetime: _instant,
    date: date.isoformat,
    time: time.isoformat,
    UUID: UUID.__str__,
    bytes: _bytes,
    bytearray: _bytes,
}


def _list(members: Iterable[Any], length: int, depth: int, size: _Size) -> list[Any]:
    shown = []
    for member in islice(members, MEMBERS):
        if size.left <= 0:
            break
        shown.append(_shown(member, depth + 1, size))
    if length > len(shown):
        shown.append(f"...[cut {length - len(shown)} members]")
    return shown


def _mapping(value: Any, kind: type, depth: int, size: _Size) -> dict[str, Any]:
    members: Iterator[tuple[Any, Any]] = iter(dict.items(value) if issubclass(kind, dict) else value.items())
    shown: dict[str, Any] = {}
    for key, member in islice(members, MEMBERS):
        if size.left <= 0:
            break
        name = key_text(key)
        size.left -= len(name)
        shown[name] = _shown(member, depth + 1, size)
    else:
        if next(members, None) is None:
            return shown
    shown["..."] = f"[cut {dict.__len__(value) - len(shown)} members]" if issubclass(kind, dict) else CUT
    return shown
