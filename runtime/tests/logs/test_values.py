"""Values become what JSON knows, and no larger than a line."""

import dataclasses
import datetime as dt
import enum
import time
import uuid
from collections import OrderedDict, namedtuple
from typing import Any

import pytest

from firstlight.logs.limits import KEY_BYTES, MEMBERS, TEXT_BYTES
from firstlight.logs.values import fields, plain

from .hostile import Endless, Items, Members, Number, Text, deep, itself

Point = namedtuple("Point", "x y")  # noqa: PYI024 - what a library might hand over


class Colour(enum.Enum):
    """A name with a number."""

    RED = 1


class Shade(enum.StrEnum):
    """Text with a name."""

    DARK = "dark"


class Level(enum.IntEnum):
    """A number with a name."""

    HIGH = 3


@dataclasses.dataclass
class Account:
    """What a service might log."""

    user: str
    key: str = dataclasses.field(repr=False)


def types(value: Any) -> set[type]:
    """All types in a value."""
    inner = [*value, *value.values()] if type(value) is dict else value if type(value) is list else []
    return {type(value)}.union(*map(types, inner))


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, None),
        (True, True),
        (2**64 - 1, 2**64 - 1),
        (-(2**63), -(2**63)),
        (2**64, str(2**64)),
        (10**5000, "<int of 16610 bits>"),
        (Number(7), 7),
        (Text("x"), "x"),
        (Level.HIGH, 3),
        (Shade.DARK, "dark"),
        (Colour.RED, 1),
        ({Shade.DARK: 1, Colour.RED: 2, Level.HIGH: 3, None: 4, (1, 2): 5, b"k": 6}, None),
        (dt.datetime(2026, 1, 1, tzinfo=dt.UTC), "2026-01-01T00:00:00Z"),
        (dt.datetime(2026, 1, 1, tzinfo=dt.timezone(dt.timedelta(hours=2))), "2026-01-01T00:00:00+02:00"),
        (dt.date(2026, 1, 1), "2026-01-01"),
        (dt.time(1, 2), "01:02:00"),
        (uuid.UUID(int=7), "00000000-0000-0000-0000-000000000007"),
        (b"\xff", "b'\\xff'"),
        (Account("bob", "x"), "Account(user='bob')"),
        (Point(1, 2), {"x": 1, "y": 2}),
        (OrderedDict(a=Members(b=Items([1]))), {"a": {"b": [1]}}),
        ({1}, [1]),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_value_is_shown_as(value: Any, shown: Any) -> None:
    """Of exactly the types that JSON knows, whatever subclass it was."""
    if isinstance(value, dict) and shown is None:
        shown = {"dark": 1, "1": 2, "3": 3, "None": 4, "(1, 2)": 5, "b'k'": 6}
    assert plain(value) == shown
    assert types(plain(value)) <= {str, int, float, bool, dict, list, type(None)}


def test_long_text_is_cut() -> None:
    """Before anything looks for secrets in it."""
    began = time.thread_time()
    shown = fields({"text": "password=hunter2 " * 600_000, "bytes": b"x" * 10_000_000})
    assert time.thread_time() - began < 0.1
    assert all(len(value) <= TEXT_BYTES + KEY_BYTES for value in shown.values())
    assert shown["text"].endswith("characters]")
    assert shown["bytes"].endswith("bytes]")


def test_long_collections_are_cut() -> None:
    """The marker tells how many members are missing, where that can be known."""
    assert plain(list(range(1000)))[MEMBERS - 1 :] == [MEMBERS - 1, f"...[cut {1000 - MEMBERS} members]"]
    assert plain(dict.fromkeys(range(1000), 0)).pop("...") == f"[cut {1000 - MEMBERS} members]"
    assert plain(Endless()).pop("...") == "...[cut]"
    assert len(plain(list(range(MEMBERS)))) == len(plain(dict.fromkeys(range(MEMBERS), 0))) == MEMBERS


def test_keys_are_cut() -> None:
    """A client may have chosen them."""
    (name,) = plain({"k" * 1_000_000: 1})
    assert len(name) <= KEY_BYTES


def test_many_fields_are_cut_and_the_first_stay() -> None:
    """The marker tells how many."""
    shown = fields({f"field {number}": number for number in range(250)})
    assert len(shown) == MEMBERS + 1
    assert shown["..."] == "[cut 150 fields]"


def test_what_holds_itself_or_is_too_deep_ends() -> None:
    """In little time, with a marker."""
    for value in (itself(), deep()):
        began = time.thread_time()
        assert "nested too deep" in str(plain(value))
        assert time.thread_time() - began < 0.5


def test_a_large_field_leaves_small_ones_alone() -> None:
    """However much it takes of the line."""
    shown = fields({"large": [["x" * 8000] * 100] * 100, "small": "text", "number": 1})
    assert (shown["small"], shown["number"]) == ("text", 1)
