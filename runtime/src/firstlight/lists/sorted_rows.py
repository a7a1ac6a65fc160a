"""Rows in memory, sorted by every order that a listing allows."""

import operator
from bisect import bisect_left, insort
from collections.abc import Callable, Sequence
from itertools import islice
from operator import attrgetter
from typing import Any, Generic, TypeVar

from .listing import Listing
from .selection import Condition, Found, Search, Selection

Row = TypeVar("Row")
Entry = tuple[Any, ...]


class SortedRows(Generic[Row]):
    """Rows for pages. A page without conditions costs one binary search; conditions and search read row by row.

    That is for at most some ten thousand rows: a search that finds nothing in them takes 4 ms.
    """

    def __init__(self, listing: Listing) -> None:
        """Hold rows for the orders of a listing. The fields of a row that is held must not change."""
        self._entries: dict[tuple[str, ...], list[Entry]] = {tuple(fields): [] for fields in listing.sorts}
        self._entry_of = {fields: _entry(fields) for fields in self._entries}
        self._first = next(iter(self._entries.values()))

    def __len__(self) -> int:
        """The number of rows."""
        return len(self._first)

    def add(self, row: Row) -> None:
        """Add a row whose key is not there."""
        for fields, entries in self._entries.items():
            entry = self._entry_of[fields](row)
            if entries and entries[-1] < entry:
                entries.append(entry)
            else:
                insort(entries, entry)

    def remove(self, row: Row) -> None:
        """Remove a row that is there."""
        for fields, entries in self._entries.items():
            del entries[bisect_left(entries, self._entry_of[fields](row)[:-1])]

    def select(self, selection: Selection) -> Found[Row]:
        """The rows of a page."""
        entries = self._entries[tuple([each.field for each in selection.order])]
        holds = _predicate(selection.conditions, selection.search)
        first, last = _behind(entries, selection)
        descending = selection.order[0].descending
        if holds is None:
            window = _window(first, last, selection, descending=descending)
            rows = [entry[-1] for entry in entries[window]]
        else:
            places = range(last - 1, first - 1, -1) if descending else range(first, last)
            found = filter(holds, (entries[place][-1] for place in places))
            rows = list(islice(found, selection.offset, selection.offset + selection.limit))
        if descending and holds is None:
            rows.reverse()
        return Found(rows, None if selection.count_to is None else _count(entries, holds, selection.count_to))


def _entry(fields: Sequence[str]) -> Callable[[Any], Entry]:
    """Makes the values and the row a tuple. Two rows are never compared: the last value is unique."""
    values = [attrgetter(field) for field in fields]
    return lambda row: (*(value(row) for value in values), row)


def _behind(entries: Sequence[Entry], selection: Selection) -> tuple[int, int]:
    """The places of the rows that the keyset selects: the first one, and the one behind the last."""
    after = selection.after
    if after is None:
        return 0, len(entries)
    values = tuple(after)
    place = bisect_left(entries, values)
    if selection.order[0].descending:
        return 0, place
    return place + (place < len(entries) and entries[place][:-1] == values), len(entries)


def _window(first: int, last: int, selection: Selection, *, descending: bool) -> slice:
    """The places of the rows of a page without conditions. In descending order it is at the end."""
    offset, limit = selection.offset, selection.limit
    if descending:
        return slice(max(first, last - offset - limit), max(first, last - offset))
    return slice(first + offset, min(last, first + offset + limit))


def _predicate(conditions: Sequence[Condition], search: Search | None) -> Callable[[Any], bool] | None:
    if not conditions and search is None:
        return None
    compared = [(attrgetter(each.field), getattr(operator, each.operator), each.value) for each in conditions]
    text = "" if search is None else search.text.casefold()
    searched = [attrgetter(field) for field in (() if search is None else search.fields)]

    def holds(row: Any) -> bool:
        for value, compare, wanted in compared:
            if (given := value(row)) is None or not compare(given, wanted):  # as SQL compares NULL
                return False
        for value in searched:
            if text in _folded(value(row)):
                return True
        return not searched

    return holds


def _folded(value: object) -> str:
    """The text for a comparison in any letter case. `lower` is the same for ASCII, in half of the time."""
    text = value if isinstance(value, str) else "" if value is None else str(value)
    return text.lower() if text.isascii() else text.casefold()


def _count(entries: Sequence[Entry], holds: Callable[[Any], bool] | None, limit: int) -> int:
    if holds is None:
        return min(len(entries), limit)
    return sum(1 for _ in islice(filter(holds, (entry[-1] for entry in entries)), limit))
