"""Objects that a log call may be given and that do their worst, as somebody else's classes might."""

import datetime as dt
import enum
from collections.abc import Iterator, Mapping
from typing import Any, NoReturn


class Refusing:
    """Whether what is asked of the objects raises what no handler of `Exception` catches."""

    armed = False  # pytest and hypothesis ask as well, when they tell of a failure


def refuse(*_: object, **__: object) -> NoReturn:
    """Raise."""
    msg = "refused"
    raise SystemExit(msg) if Refusing.armed else LookupError(msg)


class Silent:
    """An object that shows nothing of itself."""

    __repr__ = __str__ = __iter__ = __len__ = __bool__ = __eq__ = __hash__ = __format__ = refuse


class Text(str):
    """Text whose methods raise. It can be a key as long as no other key has its hash."""

    __slots__ = ()
    __repr__ = __str__ = __len__ = __iter__ = __mod__ = __getitem__ = encode = translate = refuse

    def __hash__(self) -> int:
        """As any text."""
        return str.__hash__(self)

    def __eq__(self, _: object) -> bool:
        """Raise."""
        refuse()


class Number(int):
    """An integer whose methods raise."""

    __repr__ = __str__ = __int__ = __index__ = __bool__ = __eq__ = bit_length = refuse
    __hash__ = int.__hash__


class Fraction(float):
    """A floating-point number whose methods raise."""

    __repr__ = __str__ = __float__ = __bool__ = __eq__ = refuse
    __hash__ = float.__hash__


class Members(dict[Any, Any]):
    """A dict whose methods raise."""

    items = keys = values = get = copy = __iter__ = __len__ = __bool__ = __repr__ = refuse


class Items(list[Any]):
    """A list whose methods raise."""

    __iter__ = __len__ = __bool__ = __repr__ = __getitem__ = refuse


class View(Mapping[str, int]):
    """A mapping that is no dict and raises."""

    __getitem__ = __iter__ = __len__ = items = __repr__ = refuse


class Endless(Mapping[str, int]):
    """A mapping without an end."""

    def __getitem__(self, _: str) -> int:
        """One."""
        return 1

    __len__ = refuse

    def __iter__(self) -> Iterator[str]:
        """Raise no `StopIteration`, ever."""
        number = 0
        while True:
            number += 1
            yield f"key {number}"


class Zone(dt.tzinfo):
    """A time zone without an offset, at which orjson crashes."""

    utcoffset = dst = tzname = refuse


class Kind(type):
    """A class of classes that does not even tell a class's name."""

    __getattribute__ = __repr__ = refuse


class Nameless(metaclass=Kind):
    """A class that tells nothing, with an instance that tells nothing."""

    __repr__ = refuse


class Pretender:
    """An object that says it is a dict."""

    __class__ = dict  # type: ignore[assignment]


class Colour(enum.StrEnum):
    """Text with a name."""

    RED = "red"


class Size(enum.Enum):
    """A name with a value that raises."""

    LARGE = View()


class Loud:
    """An object with a representation of 10 MB."""

    def __repr__(self) -> str:
        """Text and more text."""
        return "password=hunter2 " * 600_000


class Refusal(Exception):  # noqa: N818 - no name of the standard library's
    """An exception that raises whatever is asked of it."""

    __slots__ = ()
    __str__ = __repr__ = __setattr__ = __getattribute__ = refuse
    __notes__ = __traceback__ = __cause__ = __context__ = property(refuse)


def itself() -> list[Any]:
    """A list with many members, each of them the list."""
    loop: list[Any] = []
    loop += [loop] * 50
    return loop


def deep() -> list[Any]:
    """A list in a list, 5,000 times."""
    nested: list[Any] = []
    for _ in range(5000):
        nested = [nested]
    return nested


def changing() -> Any:
    """A mapping that grows while it is read."""

    class Growing(Mapping[str, int]):
        grown: dict[str, int]

        def __init__(self) -> None:
            self.grown = {"a": 1}

        def __getitem__(self, key: str) -> int:
            self.grown[f"{key}+"] = 1
            return 1

        def __iter__(self) -> Iterator[str]:
            return iter(self.grown)

        def __len__(self) -> int:
            return len(self.grown)

    return Growing()


OBJECTS: list[Any] = [
    Silent(),
    Text("text"),
    Number(7),
    Fraction(1.5),
    Members(a=1, password="hunter2"),  # noqa: S106 - to be redacted
    Items([1, Silent()]),
    View(),
    Endless(),
    changing(),
    dt.datetime(2026, 1, 1, tzinfo=Zone()),
    dt.time(1, tzinfo=Zone()),
    Nameless,
    Nameless(),
    Pretender(),
    Colour.RED,
    Size.LARGE,
    Loud(),
    Refusal("refused"),
    itself(),
    deep(),
    2**64,
    -(2**64),
    10**5000,
    1 << 1_000_000,
    float("nan"),
    float("-inf"),
    b"\xff" * 10_000_000,
    bytearray(b"x" * 10_000_000),
    memoryview(b"x"),
    "x" * 10_000_000,
    "\x00" * 60_000,
    "\ud800" * 60_000,
    "\N{GRINNING FACE}" * 60_000,
    ["\x00" * 8000] * 90,
    {f"key {number}": number for number in range(110_000)},
    {("a", number): [number] for number in range(300)},
    {Colour.RED: 1, Size.LARGE: 2, Text("key"): 3, None: 4, Silent: 5, 1.5: 6, b"\xff": 7, "k" * 100_000: 8},
    frozenset(range(1000)),
    {1, "a", None},
    object(),
    type,
    lambda: None,
    iter([1]),
    range(10**9),
]
