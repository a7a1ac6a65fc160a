"""Posts over HTTP: create, list, search, read, and comments with answers."""

from collections.abc import Sequence
from typing import Any

import httpx2
import pytest
from firstlight.components.database.testing import assert_max_queries
from starlette.testclient import TestClient

ALL, FIRST = "/api/v1/posts", "/api/v1/posts/first"
COMMENTS = f"{FIRST}/comments"
POST = {"slug": "first", "title": "On indexes", "body": "A tree finds a row.", "author": "ada"}


@pytest.fixture
def post(client: TestClient) -> dict[str, Any]:
    """A post that is there."""
    response = client.post(ALL, json=POST)
    assert response.status_code == 201
    document: dict[str, Any] = response.json()
    return document


def _comment(client: TestClient, text: str, parent: int | None = None, path: str = COMMENTS) -> httpx2.Response:
    body = {"author": "bob", "text": text} | ({} if parent is None else {"parent": parent})
    return client.post(path, json=body)


def _texts(items: Sequence[dict[str, Any]]) -> list[object]:
    return [[each["text"], *_texts(each["answers"])] for each in items]


def test_creates_and_reads_a_post(client: TestClient, post: dict[str, Any]) -> None:
    """With all its members."""
    assert {name: post[name] for name in POST} == POST
    assert client.get(FIRST).json() == post


def test_refuses_a_taken_slug(client: TestClient, post: dict[str, Any]) -> None:
    """The first post stays."""
    assert client.post(ALL, json={**POST, "title": "Other"}).status_code == 409
    assert client.get(FIRST).json() == post


def test_lists_the_newest_first(client: TestClient, post: dict[str, Any]) -> None:
    """And by author."""
    client.post(ALL, json={**POST, "slug": "second", "author": "bob"})

    assert [item["slug"] for item in client.get(ALL).json()["items"]] == ["second", "first"]
    assert client.get(ALL, params={"author": "ada"}).json()["items"] == [post]


def test_searches_titles_and_bodies(client: TestClient, post: dict[str, Any]) -> None:
    """In any letter case."""
    client.post(ALL, json={**POST, "slug": "second", "title": "On locks", "body": "A row waits."})

    assert client.get(ALL, params={"q": "INDEXES"}).json()["items"] == [post]
    assert len(client.get(ALL, params={"q": "row"}).json()["items"]) == 2


@pytest.mark.usefixtures("post")
def test_nests_answers_below_comments(client: TestClient) -> None:
    """To any depth, and in their order."""
    one = _comment(client, "one").json()["id"]
    _comment(client, "two")
    answer = _comment(client, "one, first", one).json()["id"]
    _comment(client, "one, second", one)
    _comment(client, "one, first, deeper", answer)

    tree = client.get(COMMENTS).json()["items"]

    assert _texts(tree) == [["one", ["one, first", ["one, first, deeper"]], ["one, second"]], ["two"]]


@pytest.mark.usefixtures("post")
def test_answers_comments_of_the_same_post_only(client: TestClient) -> None:
    """404 for a comment of another post, and for one that is not there."""
    client.post(ALL, json={**POST, "slug": "second"})
    elsewhere = _comment(client, "elsewhere", path=f"{ALL}/second/comments").json()["id"]

    assert _comment(client, "lost", elsewhere).status_code == 404
    assert _comment(client, "lost", elsewhere + 1).status_code == 404
    assert client.get(COMMENTS).json() == {"items": []}


@pytest.mark.parametrize("path", ["", "/comments"])
def test_has_no_other_posts(client: TestClient, path: str) -> None:
    """404, also for their comments."""
    assert client.get(f"{ALL}/nowhere{path}").status_code == 404


def test_comments_on_posts_only(client: TestClient) -> None:
    """404 without the post."""
    assert _comment(client, "lost", path=f"{ALL}/nowhere/comments").status_code == 404


@pytest.mark.usefixtures("post")
def test_reads_a_tree_with_one_statement(client: TestClient) -> None:
    """And not with one for each comment or level."""
    first = _comment(client, "first").json()["id"]
    _comment(client, "answer", first)

    with assert_max_queries(1):
        tree = client.get(COMMENTS).json()["items"]

    assert _texts(tree) == [["first", ["answer"]]]
