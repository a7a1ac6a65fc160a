"""Links over HTTP: create, list, read, replace, patch, delete."""

from datetime import datetime, timedelta
from typing import Any

import httpx2
import pytest
from starlette.testclient import TestClient

from <%= cookiecutter.package_name %>.api.links.models import LinkOut

ALL, DOCS = "/api/v1/links", "/api/v1/links/docs"
URL, OTHER = "https://example.com/a?b=c#d", "https://example.org/"


def _create(client: TestClient, **members: object) -> httpx2.Response:
    return client.post(ALL, json={"url": URL, **members})


def _assert_problem(response: httpx2.Response, status: int, *pointers: str) -> None:
    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    assert [error["pointer"] for error in response.json().get("errors", ())] == [*pointers]


@pytest.fixture
def tag(client: TestClient) -> str:
    """The ETag of the link `docs`."""
    return _create(client, slug="docs", title="Docs").headers["etag"]


def test_creates_a_link(client: TestClient) -> None:
    """201 with its address, its version and its document."""
    response = _create(client, slug="docs", title="Docs")

    assert response.status_code == 201
    assert response.headers["location"] == DOCS
    document = response.json()
    assert LinkOut.model_validate(document, extra="forbid").model_dump().keys() == document.keys()
    assert (document["slug"], document["url"], document["title"]) == ("docs", URL, "Docs")
    assert datetime.fromisoformat(document["created_at"]).utcoffset() == timedelta(0)


def test_creates_one_link_for_one_key(client: TestClient) -> None:
    """A client that repeats a request gets the first response again."""
    key = {"Idempotency-Key": '"first-link"'}
    first, second = (client.post(ALL, json={"url": URL}, headers=key) for _ in range(2))

    assert (second.status_code, second.json(), second.headers["etag"]) == (201, first.json(), first.headers["etag"])
    assert _slugs(client.get(ALL).json()) == [first.json()["slug"]]


def test_gets_a_link_at_its_address(client: TestClient) -> None:
    """The address is right when the service chooses the slug, too."""
    created = _create(client)

    read = client.get(created.headers["location"])

    assert (read.status_code, read.json()) == (200, created.json())
    assert read.headers["etag"] == created.headers["etag"]


def test_does_not_send_what_the_client_has(client: TestClient, tag: str) -> None:
    """304 until the link changes."""
    assert client.get(DOCS, headers={"If-None-Match": tag}).status_code == 304

    client.put(DOCS, json={"url": OTHER}, headers={"If-Match": tag})

    assert client.get(DOCS, headers={"If-None-Match": tag}).status_code == 200


def test_replaces_a_link(client: TestClient, tag: str) -> None:
    """A member that is left out gets its default. Slug and creation stay."""
    before = client.get(DOCS).json()

    replaced = client.put(DOCS, json={"url": OTHER}, headers={"If-Match": tag})

    assert (replaced.status_code, replaced.json()) == (200, {**before, "url": OTHER, "title": ""})
    assert client.get(DOCS).json() == replaced.json()
    assert client.get(DOCS).headers["etag"] == replaced.headers["etag"] != tag


@pytest.mark.parametrize("media_type", ["application/merge-patch+json", "application/json"])
@pytest.mark.parametrize(
    ("patch", "changes"), [('{"url": "https://example.org/"}', {"url": OTHER}), ('{"title": null}', {"title": ""})]
)
def test_patches_a_link(client: TestClient, tag: str, media_type: str, patch: str, changes: dict[str, str]) -> None:
    """Other members stay; null removes."""
    before = client.get(DOCS).json()

    patched = client.patch(DOCS, content=patch, headers={"If-Match": tag, "Content-Type": media_type})

    assert (patched.status_code, patched.json()) == (200, {**before, **changes})
    assert client.get(DOCS).json() == patched.json()


def test_deletes_a_link(client: TestClient, tag: str) -> None:
    """204; then it is gone. Without `If-Match`, whatever its version is."""
    _assert_problem(client.delete(DOCS, headers={"If-Match": '"old"'}), 412)
    assert client.delete(DOCS, headers={"If-Match": tag}).status_code == 204

    _assert_problem(client.get(DOCS), 404)
    assert _create(client, slug="docs").headers["etag"] != tag
    assert client.delete(DOCS).status_code == 204


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_changes_only_the_version_that_the_client_has_read(client: TestClient, tag: str, method: str) -> None:
    """428 without `If-Match`, 412 with an old version: nothing is lost when two clients change a link."""
    _assert_problem(client.request(method, DOCS, json={"url": OTHER}), 428)
    changed = client.request(method, DOCS, json={"url": OTHER}, headers={"If-Match": tag})
    assert changed.status_code == 200

    _assert_problem(client.request(method, DOCS, json={"url": URL}, headers={"If-Match": tag}), 412)
    assert client.get(DOCS).json() == changed.json()


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE"])
def test_answers_404_for_an_unknown_slug(client: TestClient, method: str) -> None:
    """The address of no link."""
    body = None if method in {"GET", "DELETE"} else {"url": URL}

    _assert_problem(client.request(method, f"{ALL}/nowhere", json=body, headers={"If-Match": "*"}), 404)


def test_refuses_a_taken_slug(client: TestClient, tag: str) -> None:
    """409; the first link stays."""
    _assert_problem(_create(client, slug="docs", url=OTHER), 409)

    assert client.get(DOCS).headers["etag"] == tag


def _slugs(page: dict[str, Any]) -> list[str]:
    return [link["slug"] for link in page["items"]]


def test_lists_links_page_by_page(client: TestClient) -> None:
    """Following `next` reads every link once, in the order of creation, also while links are created and deleted."""
    for slug in "cab":
        _create(client, slug=slug)

    first = client.get(f"{ALL}?limit=2").json()
    client.delete(f"{ALL}/a")
    _create(client, slug="d")
    second = client.get(first["next"]).json()

    assert (_slugs(first), _slugs(second)) == (["c", "a"], ["b", "d"])
    assert second["next"] is None
    assert _slugs(client.get(second["prev"]).json()) == ["c"]


@pytest.mark.parametrize(
    ("query", "slugs"),
    [
        ("", ["c", "a", "b"]),
        ("sort=-created_at", ["b", "a", "c"]),
        ("sort=slug&limit=2&page=1&total=true", ["a", "b"]),
        ("q=TITLE+A", ["a"]),
        ("created_after=2100-01-01T00:00:00Z", []),
        ("created_before=2100-01-01T00:00:00Z&sort=-slug", ["c", "b", "a"]),
    ],
)
def test_sorts_and_filters(client: TestClient, query: str, slugs: list[str]) -> None:
    """By the fields that are allowed."""
    for slug in "cab":
        _create(client, slug=slug, title=f"title {slug}")

    page = client.get(f"{ALL}?{query}").json()

    assert _slugs(page) == slugs
    assert page.get("total", 3) == 3


@pytest.mark.parametrize(
    "query",
    ["limit=0", "limit=101", "limit=many", "sort=url", "cursor=x", "offset=1", "created_after=today", "q="],
)
def test_refuses_a_bad_page(client: TestClient, query: str) -> None:
    """422 names the parameter."""
    _assert_problem(client.get(f"{ALL}?{query}"), 422, "#/" + query.partition("=")[0])


@pytest.mark.parametrize(
    ("members", "pointer"),
    [
        ({"slug": "two words"}, "#/slug"),
        ({"slug": "../etc"}, "#/slug"),
        ({"slug": "line\n"}, "#/slug"),
        ({"slug": ""}, "#/slug"),
        ({"slug": "s" * 65}, "#/slug"),
        ({"slug": 7}, "#/slug"),
        ({"title": "t" * 201}, "#/title"),
        ({"title": None}, "#/title"),
        ({"url": "javascript:alert(1)"}, "#/url"),
        ({"url": "//example.com/"}, "#/url"),
        ({"url": ""}, "#/url"),
        ({"url": "https://example.com/".ljust(2049, "x")}, "#/url"),
        ({"url": "https://user:secret@example.com/"}, "#/url"),
        ({"url": "https://example.com/\r\nSet-Cookie:a=b"}, "#/url"),
        ({"clicks": 7}, "#/clicks"),
    ],
)
def test_refuses_a_bad_link(client: TestClient, members: dict[str, object], pointer: str) -> None:
    """422 names the member; nothing is stored, and nothing that the client sent comes back."""
    response = _create(client, **members)

    _assert_problem(response, 422, pointer)
    assert "secret" not in response.text
    assert _slugs(client.get(ALL).json()) == []


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
@pytest.mark.parametrize("members", [{"slug": "other"}, {"created_at": "2026-11-27T12:00:00Z"}, {"url": None}])
def test_refuses_a_bad_change(client: TestClient, tag: str, method: str, members: dict[str, object]) -> None:
    """422 for what clients may not change, and for a link without a URL; the link stays as it is."""
    response = client.request(method, DOCS, json={"url": OTHER, **members}, headers={"If-Match": tag})

    _assert_problem(response, 422, f"#/{next(iter(members))}")
    assert client.get(DOCS).headers["etag"] == tag


def test_accepts_the_longest_values(client: TestClient) -> None:
    """The limit holds for the URL that was sent: its normal form may be longer. Other members can be changed then."""
    created = _create(client, url="https://example.com?".ljust(2048, "q"), slug="s" * 64, title="t" * 200)
    assert created.status_code == 201
    assert created.json()["url"] == "https://example.com/?".ljust(2049, "q")

    patched = client.patch(
        created.headers["location"], json={"title": "short"}, headers={"If-Match": created.headers["etag"]}
    )

    assert (patched.status_code, patched.json()) == (200, {**created.json(), "title": "short"})


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
def test_asks_for_json(client: TestClient, tag: str, method: str) -> None:
    """415 for a form, before anything is stored."""
    path = ALL if method == "POST" else DOCS

    _assert_problem(client.request(method, path, data={"url": OTHER}, headers={"If-Match": tag}), 415)
    assert client.get(DOCS).headers["etag"] == tag


@pytest.mark.parametrize(
    ("path", "methods"),
    [(ALL, {"GET", "HEAD", "POST"}), (DOCS, {"GET", "HEAD", "PUT", "PATCH", "DELETE"})],
)
def test_405_names_the_methods_of_the_path(client: TestClient, path: str, methods: set[str]) -> None:
    """`Allow` lists all methods of the path, as RFC 9110 requires."""
    response = client.options(path)

    _assert_problem(response, 405)
    assert set(response.headers["allow"].split(", ")) == methods
