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
    """Rows for pages. A page without conditions costs two binary searches; conditions and search read row by row.

    That is for at most some ten thousand rows: adding a row moves those behind it.
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
        entries = self._entries[tuple(each.field for each in selection.order)]
        holds = _predicate(selection.conditions, selection.search)
        places = _places(entries, selection)
        offset, stop = selection.offset, selection.offset + selection.limit
        if holds is None:
            rows = [entries[place][-1] for place in places[offset:stop]]
        else:
            rows = list(islice(filter(holds, (entries[place][-1] for place in places)), offset, stop))
        return Found(rows, None if selection.count_to is None else _count(entries, holds, selection.count_to))


def _entry(fields: Sequence[str]) -> Callable[[Any], Entry]:
    """Makes the values and the row a tuple. Two rows are never compared: the last value is unique."""
    values = [attrgetter(field) for field in fields]
    return lambda row: (*(value(row) for value in values), row)


def _places(entries: Sequence[Entry], selection: Selection) -> range:
    """The places of the rows that the keyset selects, in the order of the selection."""
    start, stop = 0, len(entries)
    if selection.after is not None:
        after = tuple(selection.after)
        place = bisect_left(entries, after)
        if selection.order[0].descending:
            stop = place
        else:
            start = place + (place < stop and entries[place][:-1] == after)
    return range(stop - 1, start - 1, -1) if selection.order[0].descending else range(start, stop)


def _predicate(conditions: Sequence[Condition], search: Search | None) -> Callable[[Any], bool] | None:
    if not conditions and search is None:
        return None
    compared = [(attrgetter(each.field), getattr(operator, each.operator), each.value) for each in conditions]
    text = "" if search is None else search.text.casefold()
    fields = [attrgetter(field) for field in (search.fields if search is not None else ())]

    def holds(row: Any) -> bool:
        for value, compare, wanted in compared:
            if (given := value(row)) is None or not compare(given, wanted):  # as SQL compares NULL
                return False
        return not fields or any(text in str(value(row)).casefold() for value in fields)

    return holds


def _count(entries: Sequence[Entry], holds: Callable[[Any], bool] | None, limit: int) -> int:
    if holds is None:
        return min(len(entries), limit)
    return sum(1 for _ in islice(filter(holds, (entry[-1] for entry in entries)), limit))
