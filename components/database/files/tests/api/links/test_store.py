"""The store in the database: of changes at once one is made, every visit is counted, and reads take one statement."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import date
from typing import TypeVar

import pytest
from firstlight.components.database import DATABASE, Database
from firstlight.problems import NotFoundError, PreconditionFailedError
from sqlalchemy import insert
from starlette.testclient import TestClient

from <%= cookiecutter.package_name %>.api.links.counts import DAYS
from <%= cookiecutter.package_name %>.api.links.port import Link
from <%= cookiecutter.package_name %>.api.links.store import DatabaseLinks
from <%= cookiecutter.package_name %>.api.links.tables import link_visits

T = TypeVar("T")

HOME = Link(slug="home", url="https://example.com/")


@pytest.fixture
def database(client: TestClient) -> Database:
    """The database of the running service."""
    opened: Database = client.app_state[DATABASE.name]
    return opened


@pytest.fixture
def store(client: TestClient, database: Database) -> DatabaseLinks:
    """A store with one link."""
    store = DatabaseLinks(database)
    _run(client, store.add, HOME)
    return store


def _run(client: TestClient, function: Callable[..., Awaitable[T]], *arguments: object) -> T:
    """The result of a coroutine function, in the event loop of the service."""
    assert client.portal is not None
    return client.portal.call(function, *arguments)


def test_makes_one_of_the_changes_at_once(client: TestClient, store: DatabaseLinks) -> None:
    """The others are told that the link has changed; none is lost without a word."""
    changes = [HOME.changed(title=str(number)) for number in range(5)]

    async def change_at_once() -> Sequence[BaseException | None]:
        return await asyncio.gather(*(store.replace(HOME, each) for each in changes), return_exceptions=True)

    outcomes = _run(client, change_at_once)

    assert [type(each) for each in outcomes if each is not None] == [PreconditionFailedError] * 4
    assert _run(client, store.get, "home") == changes[outcomes.index(None)]


def test_counts_every_visit(client: TestClient, store: DatabaseLinks) -> None:
    """Also of those at once."""

    async def visit_at_once() -> None:
        await asyncio.gather(*(store.visit("home") for _ in range(20)))

    _run(client, visit_at_once)

    assert _run(client, store.visits, "home").total == 20


def test_shows_the_last_days(client: TestClient, database: Database, store: DatabaseLinks) -> None:
    """All visits, and those of the last days with one, in their order."""
    days = [date(2026, 1, day) for day in range(1, DAYS + 3)]

    async def add_visits() -> None:
        async with database.transaction() as session:
            rows = [{"slug": "home", "day": day, "visits": day.day} for day in days]
            await session.execute(insert(link_visits), rows)

    _run(client, add_visits)

    visits = _run(client, store.visits, "home")
    assert visits.total == sum(day.day for day in days)
    assert list(visits.days.items()) == [(day, day.day) for day in days[-DAYS:]]


class _Late(DatabaseLinks):
    """A store that still sees a link which another instance has removed."""

    async def get(self, slug: str) -> Link:
        return Link(slug=slug, url=HOME.url)


def test_does_not_count_a_visit_of_a_link_that_was_just_removed(client: TestClient, database: Database) -> None:
    """The visitor is told that there is none."""
    with pytest.raises(NotFoundError):
        _run(client, _Late(database).visit, "gone")
