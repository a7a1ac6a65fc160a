"""Pages are stable while rows are added and removed, and a store in SQL finds the same rows as one in memory."""

import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from operator import attrgetter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from firstlight.lists import Condition, Order, Search, Selection, SortedRows

from .conftest import FIRST, LISTING, Depot, Parcel, pages, parcel, read

FIELDS = ("name", "weight", "sent_at", "note")
OPERATORS = {"eq": "=", "ne": "<>", "lt": "<", "le": "<=", "gt": ">", "ge": ">="}
NOTES = st.none() | st.text("aB%_\\'é", max_size=3)
ROWS = st.builds(
    Parcel,
    name=st.text("ab%_", min_size=1, max_size=3),
    weight=st.integers(0, 2),
    sent_at=st.integers(0, 2).map(lambda seconds: FIRST + timedelta(seconds=seconds)),
    note=NOTES,
)
ORDERS = st.builds(
    lambda field, descending: [Order(name, descending) for name in dict.fromkeys([field, "name"])],
    st.sampled_from(["name", "weight", "sent_at"]),
    st.booleans(),
)
CONDITIONS = st.one_of(
    st.builds(Condition, st.just("weight"), st.sampled_from(list(OPERATORS)), st.integers(0, 2)),
    st.builds(Condition, st.just("note"), st.sampled_from(list(OPERATORS)), st.text("aB", max_size=2)),
)


@pytest.mark.parametrize("sort", ["sent_at", "-sent_at", "weight"])
def test_a_row_that_stays_is_on_exactly_one_page(depot: Depot, client: TestClient, sort: str) -> None:
    """Whatever is added and removed between two pages, before and behind the position of the client."""
    depot.add(40)
    numbers = iter(range(40))

    def turn() -> None:
        for number in [next(numbers, None) for _ in range(4)]:
            if number is not None and number % 2:
                depot.rows.remove(parcel(number))
                depot.rows.add(parcel(100 + number))
                depot.rows.add(parcel(-number))

    seen = [name for page in pages(client, f"/parcels?limit=3&sort={sort}", turn=turn) for name in page]
    stayed = [parcel(number).name for number in range(0, 40, 2)]
    assert [name for name in stayed if seen.count(name) != 1] == []
    assert len(seen) == len({*seen})


def test_links_of_a_page_whose_rows_are_gone(depot: Depot, client: TestClient) -> None:
    """They lead to the rows that are left."""
    depot.add(12)
    first = read(client, "/parcels?limit=5")
    third = read(client, read(client, first["next"])["next"])
    assert third["items"] == ["parcel-00010", "parcel-00011"]
    for number in (*range(5), *range(8, 12)):
        depot.rows.remove(parcel(number))
    left = ["parcel-00005", "parcel-00006", "parcel-00007"]

    assert read(client, first["next"])["items"] == left
    behind = read(client, read(client, first["next"])["prev"])
    assert (behind["items"], behind["prev"], behind["next"]) == ([], None, "/parcels?limit=5")
    for number in range(5, 8):
        depot.rows.remove(parcel(number))
    depot.add(2)
    empty = read(client, first["next"])
    assert (empty["items"], empty["next"]) == ([], None)
    assert read(client, empty["prev"])["items"] == ["parcel-00000", "parcel-00001"]


def _sql(selection: Selection) -> Iterator[tuple[str, list[object]]]:
    """The parts of the statement that a store in SQL makes of a selection, with their parameters."""
    conditions = list(selection.conditions)
    yield "SELECT * FROM parcels WHERE 1", []
    for each in conditions:
        yield f" AND {each.field} {OPERATORS[each.operator]} ?", [_stored(each.value)]
    if selection.search is not None:
        found = " OR ".join(rf"{field} LIKE ? ESCAPE '\'" for field in selection.search.fields)
        yield f" AND ({found})", [selection.search.like for _ in selection.search.fields]
    if keyset := selection.keyset:
        branches = [" AND ".join(f"{each.field} {OPERATORS[each.operator]} ?" for each in branch) for branch in keyset]
        yield f" AND ({' OR '.join(branches)})", [_stored(each.value) for branch in keyset for each in branch]
    order = ", ".join(f"{each.field} {'DESC' if each.descending else 'ASC'}" for each in selection.order)
    yield f" ORDER BY {order} LIMIT ? OFFSET ?", [selection.limit, selection.offset]


def _stored(value: object) -> object:
    return value.timestamp() if isinstance(value, datetime) else value


def _from_sql(rows: list[Parcel], selection: Selection) -> list[str]:
    with sqlite3.connect(":memory:") as connection:
        connection.execute("CREATE TABLE parcels (name TEXT, weight INTEGER, sent_at REAL, note TEXT)")
        values = [[_stored(value) for value in attrgetter(*FIELDS)(row)] for row in rows]
        connection.executemany("INSERT INTO parcels VALUES (?, ?, ?, ?)", values)
        parts = list(_sql(selection))
        found = connection.execute("".join(text for text, _ in parts), [each for _, more in parts for each in more])
        names = [name for name, *_ in found]
    connection.close()
    return names


@st.composite
def selections(draw: st.DrawFn) -> Selection:
    """Any selection of a page."""
    order = draw(ORDERS)
    after = draw(st.none() | ROWS)
    return Selection(
        conditions=draw(st.lists(CONDITIONS, max_size=2)),
        search=draw(
            st.none() | st.builds(Search, st.text("aB%_\\'", min_size=1, max_size=2), st.just(("name", "note")))
        ),
        order=order,
        after=None if after is None else [getattr(after, each.field) for each in order],
        limit=draw(st.integers(1, 4)),
        offset=draw(st.integers(0, 2)),
        count_to=100,
    )


@settings(max_examples=60, deadline=None)
@given(st.lists(ROWS, unique_by=lambda row: row.name, max_size=12), selections())
def test_sql_and_memory_find_the_same_rows(rows: list[Parcel], selection: Selection) -> None:
    """The same conditions, search, keyset, order, limit and offset, and the same total."""
    memory = SortedRows[Parcel](LISTING)
    for row in rows:
        memory.add(row)
    found = memory.select(selection)
    assert [row.name for row in found.rows] == _from_sql(rows, selection)
    assert found.total == len(_from_sql(rows, replace(selection, after=None, offset=0, limit=100)))


def test_rows_are_removed_from_every_order() -> None:
    """And only those."""
    memory = SortedRows[Parcel](LISTING)
    for number in (2, 0, 1):
        memory.add(parcel(number))
    memory.remove(parcel(1))
    assert len(memory) == 2
    for fields in LISTING.sorts:
        selection = Selection((), None, [Order(field) for field in fields], None, limit=9)
        assert [row.name for row in memory.select(selection).rows] == ["parcel-00000", "parcel-00002"]
