"""The store in memory is limited in number and size, and counts visits by day."""

import asyncio
from datetime import date

import pytest
from firstlight import Service, Settings, create_app
from firstlight.problems import InsufficientStorageError
from firstlight.testing import with_resource
from starlette.testclient import TestClient

from <%= cookiecutter.package_name %>.api.links import LINKS
from <%= cookiecutter.package_name %>.api.links.counts import DAY_SECONDS, DAYS, DailyCounts
from <%= cookiecutter.package_name %>.api.links.port import Link
from <%= cookiecutter.package_name %>.api.links.store import MemoryLinks

HOME = Link(slug="home", url="https://example.com/")


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
        store = MemoryLinks(max_characters=HOME.size)
        await store.add(HOME)
        with pytest.raises(InsufficientStorageError):
            await store.replace(HOME, HOME.changed(title="Home"))
        assert await store.get("home") is HOME

    asyncio.run(run())


def test_says_when_it_is_full(settings: Settings, isolated_service: Service) -> None:
    """507, which is no failure of the service; links can still be read."""
    with TestClient(create_app(settings, with_resource(isolated_service, LINKS, MemoryLinks(max_links=1)))) as client:
        created, refused = (client.post("/api/v1/links", json={"url": HOME.url, "slug": slug}) for slug in ("a", "b"))

        assert (created.status_code, refused.status_code) == (201, 507)
        assert refused.headers["content-type"] == "application/problem+json"
        assert client.get("/api/v1/links/a").status_code == 200


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
