"""The store keeps links in order, each slug once, up to its capacity."""

from datetime import UTC, datetime

import pytest
from firstlight.problems import ConflictError, NotFoundError

from <%= cookiecutter.package_name %>.api.links.store import LinkStore

URL = "https://example.com/"


def test_gets_an_added_link_by_its_slug() -> None:
    """The link has its URL and the time of its creation."""
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


def test_refuses_a_link_when_it_is_full() -> None:
    """Stored links stay readable."""
    store = LinkStore(capacity=1)
    store.add(URL, "home")

    with pytest.raises(ConflictError):
        store.add(URL)

    assert store.get("home").url == URL


def test_raises_not_found_for_an_unknown_slug() -> None:
    """A slug that nobody created is not found."""
    with pytest.raises(NotFoundError):
        LinkStore().get("home")


@pytest.mark.parametrize(
    ("offset", "limit", "slugs"),
    [(0, 2, ["a", "b"]), (2, 2, ["c"]), (1, 1, ["b"]), (3, 5, []), (10**30, 1, [])],
)
def test_pages_in_the_order_of_creation(offset: int, limit: int, slugs: list[str]) -> None:
    """Pages do not overlap and miss no link."""
    store = LinkStore()
    for slug in "abc":
        store.add(URL, slug)

    assert [link.slug for link in store.page(offset, limit)] == slugs
