"""What the port asks of a store: each slug once, no change of an old version, visits that end with the link."""

import pytest
from firstlight.problems import ConflictError, NotFoundError, PreconditionFailedError
from firstlight.testing.in_app import InApp

from <%= cookiecutter.package_name %>.api.links import LINKS
from <%= cookiecutter.package_name %>.api.links.port import Link, LinkStore

HOME = Link(slug="home", url="https://example.com/")


@pytest.fixture
def store(in_app: InApp) -> LinkStore:
    """The store of the running service, with one link."""
    store = in_app.resource(LINKS)
    in_app(store.add, HOME)
    return store


def test_keeps_each_slug_once(in_app: InApp, store: LinkStore) -> None:
    """The first link stays."""
    with pytest.raises(ConflictError):
        in_app(store.add, Link(slug="home", url="https://example.org/"))

    assert in_app(store.get, "home") == HOME
    with pytest.raises(NotFoundError):
        in_app(store.get, "docs")


def test_stores_no_change_of_an_old_version(in_app: InApp, store: LinkStore) -> None:
    """Of two changes of one version, the second is refused, and so is a deletion."""
    changed = HOME.changed(title="Home")
    in_app(store.replace, HOME, changed)

    for change in ((store.replace, HOME, HOME.changed(title="Other")), (store.remove, HOME)):
        with pytest.raises(PreconditionFailedError):
            in_app(*change)
    assert in_app(store.get, "home") == changed


def test_knows_nothing_of_a_link_that_was_removed(in_app: InApp, store: LinkStore) -> None:
    """Neither the link nor its visits."""
    in_app(store.visit, "home")
    in_app(store.remove, HOME)

    for gone in ((store.replace, HOME, HOME.changed(title="Home")), (store.remove, HOME), (store.visit, "home")):
        with pytest.raises(NotFoundError):
            in_app(*gone)
    in_app(store.add, HOME)
    assert in_app(store.visits, "home").total == 0
