"""The store keeps links in order, each slug once, up to its capacity."""

from datetime import UTC, datetime

import pytest
from firstlight.problems import ConflictError, NotFoundError

from <%= cookiecutter.package_name %>.api.links.store import LinkStore

URL = "https://example.com/"


def test_gives_back_what_was_added() -> None:
    """By its slug, with the time of its creation."""
    store = LinkStore()
    before = datetime.now(UTC)

    link = store.add(URL, "home")

    assert store.get("home") is link
    assert (link.slug, link.url) == ("home", URL)
    assert before <= link.created_at <= datetime.now(UTC)


def test_creates_a_different_slug_for_each_link() -> None:
    """A link without a slug gets one of 8 characters."""
    store = LinkStore()

    slugs = {store.add(URL).slug for _ in range(100)}

    assert len(slugs) == 100
    assert {len(slug) for slug in slugs} == {8}


def test_refuses_a_taken_slug() -> None:
    """The first link stays."""
    store = LinkStore()
    first = store.add(URL, "home")

    with pytest.raises(ConflictError):
        store.add("https://example.org/", "home")

    assert store.get("home") is first


def test_refuses_more_than_it_has_room_for() -> None:
    """Memory is bounded, and what is there can still be read."""
    store = LinkStore(capacity=1)
    store.add(URL, "home")

    with pytest.raises(ConflictError):
        store.add(URL)

    assert store.get("home").url == URL


def test_knows_what_it_does_not_hold() -> None:
    """A slug nobody created is not found."""
    with pytest.raises(NotFoundError):
        LinkStore().get("home")


@pytest.mark.parametrize(
    ("offset", "limit", "slugs"),
    [(0, 2, ["a", "b"]), (2, 2, ["c"]), (1, 1, ["b"]), (3, 5, []), (10**30, 1, [])],
)
def test_pages_in_the_order_of_creation(offset: int, limit: int, slugs: list[str]) -> None:
    """Pages neither overlap nor leave a link out."""
    store = LinkStore()
    for slug in "abc":
        store.add(URL, slug)

    assert [link.slug for link in store.page(offset, limit)] == slugs
