"""`database.read()`: a compiled select without a transaction, on SQLite and PostgreSQL."""

from datetime import UTC, datetime
from typing import Any, cast

import pytest
from sqlalchemy import JSON, Column, Integer, MetaData, String, Table, bindparam, func, insert, select, text

from firstlight.components.database import Read

from .databases import ACCOUNTS, BALANCE, opened

pytestmark = pytest.mark.anyio

TYPED = MetaData()
PARCELS = Table(
    "parcels",
    TYPED,
    Column("id", Integer, primary_key=True),
    Column("labels", JSON, nullable=False),
    Column("carrier", String),
)
RICH = Read(
    select(ACCOUNTS.c.name, ACCOUNTS.c.balance)
    .where(ACCOUNTS.c.balance >= bindparam("least"), ACCOUNTS.c.name != "bank")
    .order_by(ACCOUNTS.c.name)
    .limit(2)
)


async def test_rows_are_named_tuples(url: str) -> None:
    """Rows are named tuples."""
    async with opened(url) as database:
        async with database.transaction() as session:
            rows = [{"name": name, "balance": 5} for name in ("bank", "bob", "alice", "carol")]
            await session.execute(insert(ACCOUNTS), rows)

        found = await database.read(RICH, least=5)

        assert [(row.name, row.balance) for row in found] == [("alice", 5), ("bob", 5)]
        assert await database.read(RICH, least=6) == []


async def test_values_are_those_of_the_columns(url: str) -> None:
    """Values are those of the columns."""
    by_id = Read(select(PARCELS.c.labels, PARCELS.c.carrier).where(PARCELS.c.id == bindparam("id")))
    async with opened(url) as database:
        async with database.primary.engine.begin() as connection:
            await connection.run_sync(TYPED.create_all)
            await connection.execute(insert(PARCELS).values(id=1, labels={"fragile": True, "at": ["x", None]}))

        assert await database.read_one(by_id, id=1) == ({"fragile": True, "at": ["x", None]}, None)
        assert await database.read_one(by_id, id=2) is None


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "needs the keyword name"),
        ({"nmae": "alice"}, "needs the keyword name"),
        ({"name": "alice", "balance": 5}, "has no keyword balance"),
    ],
)
async def test_a_missing_or_unknown_parameter_is_named(url: str, given: dict[str, Any], said: str) -> None:
    """A typing error in an optional filter would find too much."""
    async with opened(url) as database:
        with pytest.raises(TypeError, match=said):
            await database.read(BALANCE, **given)
        async with database.transaction():
            with pytest.raises(TypeError, match=said):
                await database.read(BALANCE, **given)


def test_a_list_of_values_is_refused() -> None:
    """The statement would have another text for each length. It is refused where it is written, not at the call."""
    names = ACCOUNTS.c.name.in_(bindparam("names", expanding=True))
    for where in (names, ACCOUNTS.c.name.in_(["alice", "bob"])):
        with pytest.raises(TypeError, match="a read has no lists of values"):
            Read(select(ACCOUNTS).where(where))
    with pytest.raises(TypeError, match="a read is made of a select, not of Insert"):
        Read(cast("Any", insert(ACCOUNTS)))


async def test_it_begins_no_transaction(postgresql_url: str) -> None:
    """The start of a transaction is the time of the statement, so two reads are two transactions."""
    moment = Read(select(func.now()))
    async with opened(postgresql_url, pool_size=1) as database:
        first, second = [await database.read_one(moment) for _ in range(2)]

    assert first is not None
    assert second is not None
    assert isinstance(first[0], datetime)
    assert first[0].astimezone(UTC) < second[0]


async def test_a_connection_that_the_server_has_closed_costs_nothing(postgresql_url: str) -> None:
    """A connection that the server has closed costs nothing."""
    async with opened(postgresql_url, pool_size=2) as database, opened(postgresql_url) as other:
        await database.read(BALANCE, name="alice")
        async with other.primary.engine.connect() as connection:
            await connection.execute(
                text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid != pg_backend_pid()")
            )

        assert await database.read(BALANCE, name="alice") == []
        assert database.primary.pool.checkedout() == 0


async def test_a_select_may_be_made_for_one_call(url: str) -> None:
    """Its values stand in the statement. No transaction stays open."""
    async with opened(url) as database:
        async with database.transaction() as session:
            await session.execute(insert(ACCOUNTS), [{"name": name, "balance": 5} for name in ("alice", "bob")])
            assert len(await database.select(select(ACCOUNTS))) == 2

        for name in ("alice", "bob"):
            (row,) = await database.select(select(ACCOUNTS).where(ACCOUNTS.c.name == name))
            assert (row.name, row.balance) == (name, 5)
        assert database.primary.pool.checkedout() == 0
