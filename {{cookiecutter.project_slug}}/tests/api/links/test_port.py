"""What the port asks of a store: each slug once, no change of an old version, visits that end with the link."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

import pytest
from firstlight.problems import ConflictError, NotFoundError, PreconditionFailedError
from starlette.testclient import TestClient

from <%= cookiecutter.package_name %>.api.links import LINKS
from <%= cookiecutter.package_name %>.api.links.port import Link, LinkStore

T = TypeVar("T")

HOME = Link(slug="home", url="https://example.com/")


@pytest.fixture
def store(client: TestClient) -> LinkStore:
    """The store of the running service, with one link."""
    store: LinkStore = client.app_state[LINKS.name]
    _run(client, store.add, HOME)
    return store


def _run(client: TestClient, function: Callable[..., Awaitable[T]], *arguments: object) -> T:
    """The result of a coroutine function, in the event loop of the service."""
    assert client.portal is not None
    return client.portal.call(function, *arguments)


def test_keeps_each_slug_once(client: TestClient, store: LinkStore) -> None:
    """The first link stays."""
    with pytest.raises(ConflictError):
        _run(client, store.add, Link(slug="home", url="https://example.org/"))

    assert _run(client, store.get, "home") == HOME
    with pytest.raises(NotFoundError):
        _run(client, store.get, "docs")


def test_stores_no_change_of_an_old_version(client: TestClient, store: LinkStore) -> None:
    """Of two changes of one version, the second is refused, and so is a deletion."""
    changed = HOME.changed(title="Home")
    _run(client, store.replace, HOME, changed)

    for change in ((store.replace, HOME, HOME.changed(title="Other")), (store.remove, HOME)):
        with pytest.raises(PreconditionFailedError):
            _run(client, *change)
    assert _run(client, store.get, "home") == changed


def test_knows_nothing_of_a_link_that_was_removed(client: TestClient, store: LinkStore) -> None:
    """Neither the link nor its visits."""
    _run(client, store.visit, "home")
    _run(client, store.remove, HOME)

    for gone in ((store.replace, HOME, HOME.changed(title="Home")), (store.remove, HOME), (store.visit, "home")):
        with pytest.raises(NotFoundError):
            _run(client, *gone)
    _run(client, store.add, HOME)
    assert _run(client, store.visits, "home").total == 0
