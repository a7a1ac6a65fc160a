"""Redirects, and the visits that they queue."""

from datetime import UTC, datetime

import pytest
from firstlight import Service, Settings, create_app
from firstlight.components.cache.write_behind import Writes
from firstlight.problems import UnavailableError
from firstlight.testing import with_resource
from firstlight.testing.in_app import InApp
from starlette.testclient import TestClient

from <%= cookiecutter.package_name %>.api.links.visit_queue import VISITS, Visit

DOCS = "/api/v1/links/docs"


@pytest.fixture(autouse=True)
def _docs(client: TestClient) -> None:
    """A link, `docs`."""
    client.post("/api/v1/links", json={"url": "https://example.com/a?b=c#d", "slug": "docs"})


@pytest.mark.parametrize(
    "url",
    ["https://example.com/a?b=c#d", "http://example.com/", "https://example.com/%C3%A9?q=%20", "http://[::1]:8000/"],
)
def test_follows_a_link(client: TestClient, url: str) -> None:
    """The redirect leads to exactly the URL that was given."""
    client.post("/api/v1/links", json={"url": url, "slug": "given"})

    response = client.get("/r/given")

    assert (response.status_code, response.headers["location"]) == (302, url)


def test_counts_visits(client: TestClient, in_app: InApp) -> None:
    """In all, and by day, when the queue is flushed. A link that is created again starts at none."""
    assert client.get(f"{DOCS}/visits").json() == {"total": 0, "items": []}

    for _ in range(3):
        client.get("/r/docs")
    in_app(in_app.resource(VISITS).flush)

    today = datetime.now(UTC).date().isoformat()
    assert client.get(f"{DOCS}/visits").json() == {"total": 3, "items": [{"day": today, "visits": 3}]}
    client.get("/r/docs")
    client.delete(DOCS)
    client.post("/api/v1/links", json={"url": "https://example.com/", "slug": "docs"})
    in_app(in_app.resource(VISITS).flush)
    assert client.get(f"{DOCS}/visits").json()["total"] == 0


def test_a_visit_does_not_change_the_link(client: TestClient) -> None:
    """Who edits a link is not disturbed by visitors."""
    before = client.get(DOCS)

    client.get("/r/docs")

    assert client.get(DOCS).headers["etag"] == before.headers["etag"]


@pytest.mark.parametrize("path", ["/r/nowhere", "/api/v1/links/nowhere/visits"])
def test_answers_404_for_an_unknown_slug(client: TestClient, path: str) -> None:
    """There is nothing to follow, and nothing to count."""
    response = client.get(path)

    assert (response.status_code, response.headers["content-type"]) == (404, "application/problem+json")


class _Full(Writes[Visit]):
    """A queue that accepts nothing."""

    def __init__(self) -> None:
        """It has no server."""

    async def add(self, write: Visit) -> None:
        """Refuse."""
        del write
        raise UnavailableError

    async def flush(self) -> None:
        """Nothing is there."""


def test_follows_a_link_whose_visit_cannot_be_queued(service: Service, settings: Settings) -> None:
    """The visitor is not the one who needs the count."""
    with TestClient(create_app(settings, with_resource(service, VISITS, _Full()))) as client:
        client.post("/api/v1/links", json={"url": "https://example.com/", "slug": "other"})

        assert client.get("/r/other", follow_redirects=False).status_code == 302
