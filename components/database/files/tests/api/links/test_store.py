"""The store in the database: of changes at once one is made, every visit is counted, and reads take one statement."""

import asyncio
from collections.abc import Sequence
from datetime import date

import pytest
from firstlight.components.database import DATABASE, Database
from firstlight.components.database.testing import assert_max_queries
from firstlight.problems import NotFoundError, PreconditionFailedError
from firstlight.testing.in_app import InApp
from sqlalchemy import insert
from starlette.testclient import TestClient

from <%= cookiecutter.package_name %>.api.links.counts import DAYS
from <%= cookiecutter.package_name %>.api.links.port import Link
from <%= cookiecutter.package_name %>.api.links.store import DatabaseLinks
from <%= cookiecutter.package_name %>.api.links.tables import link_visits

HOME = Link(slug="home", url="https://example.com/")


@pytest.fixture
def database(in_app: InApp) -> Database:
    """The database of the running service."""
    return in_app.resource(DATABASE)


@pytest.fixture
def store(in_app: InApp, database: Database) -> DatabaseLinks:
    """A store with one link."""
    store = DatabaseLinks(database)
    in_app(store.add, HOME)
    return store


def test_makes_one_of_the_changes_at_once(in_app: InApp, store: DatabaseLinks) -> None:
    """The others are told that the link has changed; none is lost without a word."""
    changes = [HOME.changed(title=str(number)) for number in range(5)]

    async def change_at_once() -> Sequence[BaseException | None]:
        return await asyncio.gather(*(store.replace(HOME, each) for each in changes), return_exceptions=True)

    outcomes = in_app(change_at_once)

    assert [type(each) for each in outcomes if each is not None] == [PreconditionFailedError] * 4
    assert in_app(store.get, "home") == changes[outcomes.index(None)]


def test_counts_every_visit(in_app: InApp, store: DatabaseLinks) -> None:
    """Also of those at once."""

    async def visit_at_once() -> None:
        await asyncio.gather(*(store.visit("home") for _ in range(20)))

    in_app(visit_at_once)

    assert in_app(store.visits, "home").total == 20


def test_shows_the_last_days(in_app: InApp, database: Database, store: DatabaseLinks) -> None:
    """All visits, and those of the last days with one, in their order."""
    days = [date(2026, 1, day) for day in range(1, DAYS + 3)]

    async def add_visits() -> None:
        async with database.transaction() as session:
            rows = [{"slug": "home", "day": day, "visits": day.day} for day in days]
            await session.execute(insert(link_visits), rows)

    in_app(add_visits)

    visits = in_app(store.visits, "home")
    assert visits.total == sum(day.day for day in days)
    assert list(visits.days.items()) == [(day, day.day) for day in days[-DAYS:]]


@pytest.mark.parametrize("path", ["/api/v1/links/home", "/api/v1/links?sort=-created_at", "/api/v1/links/home/visits"])
@pytest.mark.usefixtures("store")
def test_reads_with_one_statement(client: TestClient, path: str) -> None:
    """However many links and days there are."""
    with assert_max_queries(1):
        assert client.get(path).status_code == 200


class _Late(DatabaseLinks):
    """A store that still sees a link which another instance has removed."""

    async def get(self, slug: str) -> Link:
        return Link(slug=slug, url=HOME.url)


def test_does_not_count_a_visit_of_a_link_that_was_just_removed(in_app: InApp, database: Database) -> None:
    """The visitor is told that there is none."""
    with pytest.raises(NotFoundError):
        in_app(_Late(database).visit, "gone")
