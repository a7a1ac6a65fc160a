"""Links through the cache: the store is asked once, and what changes is forgotten."""

from collections.abc import Callable

import pytest
from firstlight import REGISTRY
from httpx2 import Response
from starlette.testclient import TestClient

DOCS = "/api/v1/links/docs"
CURRENT = {"If-Match": "*"}
NEW = "https://example.com/new"


def misses() -> float:
    """How often the cache did not have a link."""
    return REGISTRY.get_sample_value("cache_reads_total", {"cache": "links", "outcome": "miss"}) or 0


@pytest.fixture(autouse=True)
def _docs(client: TestClient) -> None:
    """A link, `docs`, that the cache knows."""
    client.post("/api/v1/links", json={"url": "https://example.com/", "slug": "docs"})
    client.get("/r/docs")


def test_asks_the_store_once(client: TestClient) -> None:
    """However often a link is followed, and also for one that is not there."""
    client.get("/r/nowhere")
    before = misses()

    for _ in range(3):
        assert client.get("/r/docs").status_code == 302
        assert client.get("/r/nowhere").status_code == 404

    assert misses() == before


@pytest.mark.parametrize(
    "change",
    [
        lambda client: client.put(DOCS, json={"url": NEW}, headers=CURRENT),
        lambda client: client.patch(DOCS, json={"url": NEW}, headers=CURRENT),
    ],
)
def test_follows_a_changed_link(client: TestClient, change: Callable[[TestClient], Response]) -> None:
    """From the next request on."""
    assert change(client).status_code == 200

    assert client.get("/r/docs").headers["location"] == NEW


def test_follows_no_deleted_link(client: TestClient) -> None:
    """From the next request on. One that is created again is followed at once."""
    assert client.delete(DOCS, headers=CURRENT).status_code == 204
    assert client.get("/r/docs").status_code == 404

    client.post("/api/v1/links", json={"url": NEW, "slug": "docs"})
    assert client.get("/r/docs").headers["location"] == NEW
