"""Short links over HTTP."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import httpx2
import pytest
from firstlight import Service, Settings, Surroundings, create_app
from starlette.testclient import TestClient

from <%= cookiecutter.package_name %>.api.links import LINKS
from <%= cookiecutter.package_name %>.api.links.store import LinkStore

URL = "https://example.com/a?b=c#d"


def _create(client: TestClient, **members: object) -> httpx2.Response:
    return client.post("/api/v1/links", json={"url": URL, **members})


def _assert_problem(response: httpx2.Response, status: int) -> None:
    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"


def test_creates_a_link(client: TestClient) -> None:
    """201 with its location and its body."""
    response = _create(client, slug="docs")

    assert response.status_code == 201
    assert response.headers["location"] == "/api/v1/links/docs"
    document = response.json()
    assert document.keys() == {"slug", "url", "created_at"}
    assert (document["slug"], document["url"]) == ("docs", URL)
    assert datetime.fromisoformat(document["created_at"]).utcoffset() == timedelta(0)


def test_gets_a_link_at_its_location(client: TestClient) -> None:
    """The location is right when the service chooses the slug, too."""
    created = _create(client)

    assert client.get(created.headers["location"]).json() == created.json()


@pytest.mark.parametrize("url", [URL, "http://example.com/", "https://example.com/%C3%A9?q=%20", "http://[::1]:8000/"])
def test_follows_a_link(client: TestClient, url: str) -> None:
    """The redirect leads to exactly the URL that was given."""
    slug = _create(client, url=url).json()["slug"]

    response = client.get(f"/r/{slug}")

    assert response.status_code == 302
    assert response.headers["location"] == url


def test_lists_links_page_by_page(client: TestClient) -> None:
    """Following `next` reads every link once, in the order of creation."""
    for slug in "abcde":
        _create(client, slug=slug)

    slugs: list[list[str]] = []
    following: str | None = "/api/v1/links?limit=2"
    for _ in range(3):
        assert following is not None
        page: dict[str, Any] = client.get(following).json()
        slugs.append([link["slug"] for link in page["items"]])
        following = page["next"]

    assert slugs == [["a", "b"], ["c", "d"], ["e"]]
    assert following is None


def test_lists_no_links_in_a_new_service(client: TestClient) -> None:
    """The list is empty, not missing."""
    assert client.get("/api/v1/links").json() == {"items": [], "next": None}


@pytest.mark.parametrize("query", ["limit=0", "limit=101", "limit=many", "offset=-1"])
def test_refuses_a_bad_page(client: TestClient, query: str) -> None:
    """422 names the parameter."""
    response = client.get(f"/api/v1/links?{query}")

    _assert_problem(response, 422)
    (error,) = response.json()["errors"]
    assert error["pointer"] == "#/" + query.partition("=")[0]


def test_a_page_beyond_the_last_link_is_empty_or_refused(client: TestClient) -> None:
    """Even a very large offset gets 200 or 422, never 500."""
    for offset in (1, 2**63, 10**30):
        assert client.get(f"/api/v1/links?offset={offset}").status_code in {200, 422}


def test_refuses_a_taken_slug(client: TestClient) -> None:
    """409; the first link stays."""
    _create(client, slug="docs")

    _assert_problem(_create(client, slug="docs", url="https://example.org/"), 409)
    assert client.get("/api/v1/links/docs").json()["url"] == URL


def test_answers_404_for_an_unknown_slug(client: TestClient) -> None:
    """The API and the redirect both answer with a problem."""
    for path in ("/api/v1/links/nowhere", "/r/nowhere"):
        _assert_problem(client.get(path), 404)


@asynccontextmanager
async def _store_of_one(_: Surroundings[Any]) -> AsyncIterator[LinkStore]:
    yield LinkStore(capacity=1)


def test_answers_409_when_the_store_is_full(settings: Settings, service: Service) -> None:
    """A full store is an error of the client; stored links stay readable."""
    small = replace(service, components=[replace(LINKS, open=_store_of_one)])
    with TestClient(create_app(settings, small)) as client:
        _create(client, slug="docs")

        response = _create(client)

        _assert_problem(response, 409)
        assert client.get("/api/v1/links/docs").status_code == 200


@pytest.mark.parametrize(
    ("members", "pointer"),
    [
        ({"slug": "two words"}, "#/slug"),
        ({"slug": "../etc"}, "#/slug"),
        ({"slug": "line\n"}, "#/slug"),
        ({"slug": ""}, "#/slug"),
        ({"slug": "s" * 65}, "#/slug"),
        ({"slug": 7}, "#/slug"),
        ({"url": "javascript:alert(1)"}, "#/url"),
        ({"url": "data:text/html,x"}, "#/url"),
        ({"url": "ftp://example.com/"}, "#/url"),
        ({"url": "//example.com/"}, "#/url"),
        ({"url": "/r/docs"}, "#/url"),
        ({"url": ""}, "#/url"),
        ({"url": None}, "#/url"),
        ({"url": "https://example.com/".ljust(2049, "x")}, "#/url"),
        ({"url": "https://user:secret@example.com/"}, "#/url"),
        ({"url": "https://user@example.com/"}, "#/url"),
        ({"url": "https://:secret@example.com/"}, "#/url"),
        ({"url": "https://user:secret@"}, "#/url"),
        ({"url": "https://example.com/\r\nSet-Cookie:a=b"}, "#/url"),
        ({"url": "https://example.com/\x00"}, "#/url"),
        ({"url": "https://b\u00fccher.example/"}, "#/url"),
        ({"url": "https://example.com/{a}"}, "#/url"),
        ({"url": "https://"}, "#/url"),
        ({"clicks": 7}, "#/clicks"),
    ],
)
def test_refuses_a_bad_link(client: TestClient, members: dict[str, object], pointer: str) -> None:
    """422 names the member; nothing is stored."""
    response = _create(client, **members)

    _assert_problem(response, 422)
    assert [error["pointer"] for error in response.json()["errors"]] == [pointer]
    assert "secret" not in response.text
    assert client.get("/api/v1/links").json()["items"] == []


def test_accepts_the_longest_values(client: TestClient) -> None:
    """A value of exactly the limit is accepted."""
    url = "https://example.com/".ljust(2048, "x")

    assert _create(client, url=url, slug="s" * 64).status_code == 201
    assert client.get(f"/r/{'s' * 64}").headers["location"] == url


@pytest.mark.parametrize(
    ("url", "followed"),
    [
        ("https://example.com?".ljust(2048, "q"), "https://example.com/?".ljust(2049, "q")),
        ("HTTPS://EXAMPLE.com:443/A", "https://example.com/A"),
        ("https://xn--bcher-kva.example/", "https://xn--bcher-kva.example/"),
        ("http://localhost:8000/#part", "http://localhost:8000/#part"),
        ("https://@example.com/", "https://example.com/"),
        ("https:example.com/a", "https://example.com/a"),
    ],
)
def test_a_url_is_kept_in_its_normal_form(client: TestClient, url: str, followed: str) -> None:
    """The length limit applies to the URL as sent; the redirect leads to the normal form."""
    created = _create(client, url=url).json()

    assert created["url"] == followed
    assert client.get(f"/r/{created['slug']}").headers["location"] == followed


def test_asks_for_json(client: TestClient) -> None:
    """415 for a form, before anything is stored."""
    _assert_problem(client.post("/api/v1/links", data={"url": URL}), 415)


@pytest.mark.parametrize(
    ("path", "methods"),
    [("/api/v1/links", {"GET", "HEAD", "POST"}), ("/api/v1/links/docs", {"GET", "HEAD"}), ("/r/docs", {"GET", "HEAD"})],
)
def test_405_names_the_methods_of_the_path(client: TestClient, path: str, methods: set[str]) -> None:
    """`Allow` lists all methods of the path, as RFC 9110 requires."""
    response = client.delete(path)

    _assert_problem(response, 405)
    assert set(response.headers["allow"].split(", ")) == methods
