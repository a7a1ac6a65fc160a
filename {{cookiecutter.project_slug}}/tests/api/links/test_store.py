"""The store keeps each slug once, up to its limits, and stores no change of an old version."""

import asyncio
from datetime import date

import pytest
from firstlight.problems import ConflictError, InsufficientStorageError, NotFoundError, PreconditionFailedError

from <%= cookiecutter.package_name %>.api.links.counts import DAY_SECONDS, DAYS, DailyCounts
from <%= cookiecutter.package_name %>.api.links.port import Link, LinkStore
from <%= cookiecutter.package_name %>.api.links.store import MemoryLinks

HOME = Link(slug="home", url="https://example.com/")


async def _with_home(store: LinkStore) -> LinkStore:
    await store.add(HOME)
    return store


def test_keeps_each_slug_once() -> None:
    """The first link stays."""

    async def run() -> None:
        store = await _with_home(MemoryLinks())
        with pytest.raises(ConflictError):
            await store.add(Link(slug="home", url="https://example.org/"))
        assert await store.get("home") is HOME
        with pytest.raises(NotFoundError):
            await store.get("docs")

    asyncio.run(run())


def test_stores_no_change_of_an_old_version() -> None:
    """Of two changes of one version, the second is refused, and so is a deletion."""

    async def run() -> None:
        store = await _with_home(MemoryLinks())
        changed = HOME.changed(title="Home")
        await store.replace(HOME, changed)
        for change in (store.replace(HOME, HOME.changed(title="Other")), store.remove(HOME)):
            with pytest.raises(PreconditionFailedError):
                await change
        assert await store.get("home") is changed
        await store.remove(changed)
        for gone in (store.replace(changed, HOME), store.remove(changed), store.visit("home")):
            with pytest.raises(NotFoundError):
                await gone

    asyncio.run(run())


@pytest.mark.parametrize("store", [MemoryLinks(max_links=1), MemoryLinks(max_characters=HOME.size)])
def test_refuses_what_is_beyond_its_limits(store: MemoryLinks) -> None:
    """In number and in size; a link that was removed makes place."""

    async def run() -> None:
        await store.add(HOME)
        other = Link(slug="docs", url="https://example.com/")
        with pytest.raises(InsufficientStorageError):
            await store.add(other)
        await store.replace(HOME, shorter := HOME.changed(url="http://a/"))
        await store.remove(shorter)
        await store.add(other)
        assert await store.get("docs") is other

    asyncio.run(run())


def test_refuses_a_change_beyond_its_limit() -> None:
    """The link stays as it is."""

    async def run() -> None:
        store = await _with_home(MemoryLinks(max_characters=HOME.size))
        with pytest.raises(InsufficientStorageError):
            await store.replace(HOME, HOME.changed(title="Home"))
        assert await store.get("home") is HOME

    asyncio.run(run())


def test_counts_the_last_days() -> None:
    """All events, and those of the last days with one: its memory is limited."""
    now = 0.0
    counts = DailyCounts(lambda: now)
    for day in range(DAYS + 2):
        now = day * DAY_SECONDS
        counts.add()
        counts.add()

    assert counts.total == 2 * (DAYS + 2)
    assert list(counts.days.items()) == [(date(1970, 1, day + 3), 2) for day in range(DAYS)]
