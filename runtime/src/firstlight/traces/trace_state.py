"""`tracestate` by the grammar of W3C Trace Context level 2.

The SDK's own class follows parts of the grammar of level 1, drops the whole list for a duplicate key, and logs text
that clients send.
"""

import re
from collections.abc import ItemsView, Iterable, Iterator, KeysView, Sequence, ValuesView
from typing import Self

from opentelemetry.trace import TraceState

MEMBERS = 32
CHARACTERS = 512  # of the header that is sent on; the recommendation asks for at least this many
LARGE_CHARACTERS = 128  # a longer member is removed first when the list is too long
LONGEST = MEMBERS * (256 + len("=") + 256 + len(","))  # a longer header is ignored
_KEY = re.compile(r"[a-z0-9][a-z0-9_\-*/@]{0,255}")
_VALUE = re.compile(r"[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]")

Member = tuple[str, str]


class Level2TraceState(TraceState):
    """The members in their order. Of several with one key the first stays: it is the most recent."""

    def __init__(self, entries: Sequence[Member] | None = None) -> None:
        """Members that are not valid are left out, and so are those beyond the limits."""
        valid: dict[str, str] = {}
        for key, value in entries or ():
            if _is_valid(key, value):
                valid.setdefault(key, value)
        self._members = dict(_shortened(list(valid.items())[:MEMBERS]))

    @classmethod
    def from_header(cls, header_list: Iterable[str]) -> Self:
        """Read all lines of the header as one list. One member that is not valid, or one too many, empties it."""
        text = ",".join(header_list)
        if len(text) > LONGEST:
            return cls()
        members = [member for part in text.split(",") if (member := part.strip(" \t"))]
        pairs = [(key, value) for key, _, value in (member.partition("=") for member in members)]
        valid = len(pairs) <= MEMBERS and all(_is_valid(key, value) for key, value in pairs)
        return cls(pairs if valid else None)

    def to_header(self) -> str:
        """One line for all members."""
        return ",".join(f"{key}={value}" for key, value in self._members.items())

    def add(self, key: str, value: str) -> TraceState:
        """A copy with a new member in front. Unchanged if the member is invalid, present, or beyond the limit."""
        return self if key in self._members else self.update(key, value)

    def update(self, key: str, value: str) -> TraceState:
        """A copy with this member in front. Unchanged when the member is invalid or beyond the limit."""
        others = [(other, kept) for other, kept in self._members.items() if other != key]
        if not _is_valid(key, value) or len(others) >= MEMBERS:
            return self
        return type(self)([(key, value), *others])

    def delete(self, key: str) -> TraceState:
        """A copy without this member."""
        return type(self)([member for member in self._members.items() if member[0] != key])

    def __contains__(self, key: object) -> bool:
        """Whether there is a member of this key."""
        return key in self._members

    def __getitem__(self, key: str) -> str:
        """The value of a member."""
        return self._members[key]

    def __iter__(self) -> Iterator[str]:
        """The keys, the most recent first."""
        return iter(self._members)

    def __len__(self) -> int:
        """The number of members."""
        return len(self._members)

    def __repr__(self) -> str:
        """The class and the text of the header."""
        return f"{type(self).__name__}({self.to_header()!r})"

    def keys(self) -> KeysView[str]:
        """The keys."""
        return self._members.keys()

    def values(self) -> ValuesView[str]:
        """The values."""
        return self._members.values()

    def items(self) -> ItemsView[str, str]:
        """The members."""
        return self._members.items()


def _is_valid(key: str, value: str) -> bool:
    return _KEY.fullmatch(key) is not None and _VALUE.fullmatch(value) is not None


def _shortened(members: list[Member]) -> list[Member]:
    """The members without as many as needed to meet the limit: large ones are removed first, then the last ones."""
    sizes = [len(key) + len("=") + len(value) for key, value in members]
    excess = sum(sizes) + max(len(sizes) - 1, 0) - CHARACTERS
    if excess <= 0:
        return members
    last_first = range(len(members) - 1, -1, -1)
    order = sorted(last_first, key=lambda position: sizes[position] <= LARGE_CHARACTERS)  # stable sort
    gone = set()
    for position in order:
        if excess <= 0:
            break
        gone.add(position)
        excess -= sizes[position] + len(",")
    return [member for position, member in enumerate(members) if position not in gone]
