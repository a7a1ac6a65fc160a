"""Pages as SQL: on both databases the rows that `SortedRows` finds, and on PostgreSQL by an index."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, TypeVar

import pytest
from sqlalchemy import Column, Index, MetaData, Select, Table, Text, insert, literal, select, text
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.pool import NullPool

from firstlight.components.database.full_text import document, matches
from firstlight.components.database.moments import Moment
from firstlight.components.database.selection import columns_of, select_page, select_total
from firstlight.lists import Condition, Filter, Listing, Order, Search, Selection, SortedRows

T = TypeVar("T")
LISTING = Listing(
    key="slug", sort={"created_at": datetime, "slug": str}, filters={"title": Filter("title", str)}, search=("title",)
)
METADATA = MetaData()
ROWS = Table(
    "rows",
    METADATA,
    Column("slug", Text, primary_key=True),
    Column("title", Text, nullable=False),
    Column("created_at", Moment, nullable=False),
)
WORDS = document(ROWS.c.slug, ROWS.c.title)
Index("ix_rows_created_at_slug", ROWS.c.created_at, ROWS.c.slug)
Index("ix_rows_words", WORDS, postgresql_using="gin").ddl_if(dialect="postgresql")
COLUMNS = columns_of(ROWS)
FIRST = datetime(2026, 1, 1, 12, tzinfo=UTC)
NEWEST = (Order("created_at", descending=True), Order("slug", descending=True))
OLDEST = (Order("created_at"), Order("slug"))


@dataclass(frozen=True, slots=True, order=True)
class Row:
    """A row of the table."""

    slug: str
    title: str
    created_at: datetime


# Two of each time, so that the key decides; titles with everything that LIKE reads.
TITLES = ("100 %", "100 x", "a_b", "aXb", "back\\slash", "Ordinary title", "TITLE again", "last")
KNOWN = [Row(f"s{number}", title, FIRST + timedelta(hours=number // 2)) for number, title in enumerate(TITLES)]


def selection(**fields: Any) -> Selection:
    """A selection of at most three rows."""
    return Selection(**{"conditions": [], "search": None, "order": OLDEST, "after": None, "limit": 3, **fields})


SELECTIONS = [
    selection(),
    selection(order=NEWEST),
    selection(order=(Order("slug", descending=True),), offset=2),
    selection(after=(KNOWN[2].created_at, "s2")),
    selection(order=NEWEST, after=(KNOWN[5].created_at, "s5")),
    selection(after=(FIRST.astimezone(timezone(timedelta(hours=5))), "s0")),
    selection(conditions=[Condition("created_at", "gt", FIRST), Condition("slug", "ne", "s3")]),
    selection(conditions=[Condition("created_at", "le", FIRST.astimezone(timezone(timedelta(hours=-3))))]),
    *(selection(search=Search(wanted, ("title",))) for wanted in ("TITLE", "%", "_", "\\", "0 x", "' or 1=1 --")),
    selection(search=Search("s", ("slug", "title")), order=NEWEST, after=(KNOWN[7].created_at, "s7"), count_to=5),
    selection(count_to=100),
]


@pytest.fixture(params=["sqlite", "postgresql"])
def run(request: pytest.FixtureRequest, tmp_path: Any) -> Callable[[Callable[..., Awaitable[T]]], T]:
    """A function that calls another one with a connection to a database that has the rows."""
    if request.param == "sqlite":
        url = f"sqlite+aiosqlite:///{tmp_path / 'rows.sqlite3'}"
    else:
        url = request.getfixturevalue("postgresql_url").replace("postgresql:", "postgresql+asyncpg:")
    engine = create_async_engine(url, poolclass=NullPool)

    async def with_rows(work: Callable[[AsyncConnection], Awaitable[T]]) -> T:
        async with engine.begin() as connection:
            await connection.run_sync(METADATA.create_all)
            await connection.execute(insert(ROWS), [{name: getattr(row, name) for name in COLUMNS} for row in KNOWN])
            return await work(connection)

    def run(work: Callable[[AsyncConnection], Awaitable[T]]) -> T:
        return asyncio.run(with_rows(work))

    return run


def _rows(result: Any) -> list[Row]:
    return [Row(*each) for each in result]


def test_finds_the_rows_that_the_store_in_memory_finds(run: Callable[[Any], Any]) -> None:
    """In the same order, with the same total."""
    memory = SortedRows[Row](LISTING)
    for row in KNOWN:
        memory.add(row)

    async def pages(connection: AsyncConnection) -> list[tuple[list[Row], int | None]]:
        found = []
        for each in SELECTIONS:
            rows = _rows(await connection.execute(select_page(select(ROWS), COLUMNS, each)))
            counted = None
            if each.count_to is not None:
                counted = await connection.scalar(select_total(select(ROWS), COLUMNS, each))
            found.append((rows, counted))
        return found

    expected = [memory.select(each) for each in SELECTIONS]
    assert run(pages) == [([*each.rows], each.total) for each in expected]


def test_a_mixed_order_is_spelt_out(run: Callable[[Any], Any]) -> None:
    """No comparison of row values has two directions."""
    mixed = selection(order=(Order("created_at", descending=True), Order("slug")), after=(KNOWN[4].created_at, "s4"))

    async def page(connection: AsyncConnection) -> list[Row]:
        return _rows(await connection.execute(select_page(select(ROWS), COLUMNS, mixed)))

    assert [row.slug for row in run(page)] == ["s5", "s2", "s3"]


def test_a_time_without_a_zone_is_refused(run: Callable[[Any], Any]) -> None:
    """It would mean something else on each machine."""

    async def ask(connection: AsyncConnection) -> None:
        naive = FIRST.replace(tzinfo=None)
        await connection.execute(select(ROWS).where(ROWS.c.created_at == literal(naive, Moment())))

    with pytest.raises(Exception, match="no time zone"):
        run(ask)


def _words(wanted: str) -> Select[Any]:
    return select_page(select(ROWS), COLUMNS, selection(search=Search(wanted, ("title",)), limit=9), WORDS)


@pytest.mark.parametrize(
    ("wanted", "slugs"),
    [("TITLE", ["s5", "s6"]), ("title -again", ["s5"]), ("ordinary or last", ["s5", "s7"]), ("titl", []), ("'&!|", [])],
)
@pytest.mark.parametrize("run", ["postgresql"], indirect=True)
def test_finds_words(run: Callable[[Any], Any], wanted: str, slugs: list[str]) -> None:
    """As a person types them into a search; nothing that is typed is an error."""

    async def page(connection: AsyncConnection) -> list[Row]:
        return _rows(await connection.execute(_words(wanted)))

    assert [row.slug for row in run(page)] == slugs


async def _plan(connection: AsyncConnection, statement: Select[Any]) -> str:
    compiled = statement.compile(dialect=connection.dialect, compile_kwargs={"literal_binds": True})
    lines = await connection.exec_driver_sql(f"explain {compiled}")
    return "\n".join(line for (line,) in lines)


@pytest.mark.parametrize("run", ["postgresql"], indirect=True)
def test_pages_and_words_use_their_indexes(run: Callable[[Any], Any]) -> None:
    """The keyset is a condition of the index, not a filter of the rows that it returns."""

    async def plans(connection: AsyncConnection) -> list[str]:
        await connection.execute(text("set local enable_seqscan = off"))
        statements = select(ROWS).where(matches(WORDS, "title")), select_page(select(ROWS), COLUMNS, SELECTIONS[4])
        return [await _plan(connection, statement) for statement in statements]

    words, keyset = run(plans)
    assert "ix_rows_words" in words
    assert "Index Scan Backward using ix_rows_created_at_slug" in keyset
    assert "Index Cond: (ROW(created_at, slug) <" in keyset
