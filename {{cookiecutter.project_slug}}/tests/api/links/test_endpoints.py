"""Short links over HTTP, from creation to deletion of the example itself."""

import os
import shutil
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
from starlette.testclient import TestClient

from <%= cookiecutter.package_name %>.api.links import store
from <%= cookiecutter.package_name %>.app import create_app
from <%= cookiecutter.package_name %>.settings import Settings

URL = "https://example.com/a?b=c#d"
PROJECT = Path(__file__).parents[3]


def _create(client: TestClient, **members: object) -> httpx2.Response:
    return client.post("/api/v1/links", json={"url": URL, **members})


def _assert_problem(response: httpx2.Response, status: int) -> None:
    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"


def test_creates_a_link(client: TestClient) -> None:
    """201, where it is, and what it is."""
    response = _create(client, slug="docs")

    assert response.status_code == 201
    assert response.headers["location"] == "/api/v1/links/docs"
    document = response.json()
    assert document.keys() == {"slug", "url", "created_at"}
    assert (document["slug"], document["url"]) == ("docs", URL)
    assert datetime.fromisoformat(document["created_at"]).utcoffset() == timedelta(0)


def test_gets_a_link_where_creation_said_it_is(client: TestClient) -> None:
    """Also when the service chose the slug."""
    created = _create(client)

    assert client.get(created.headers["location"]).json() == created.json()


@pytest.mark.parametrize("url", [URL, "http://example.com/", "https://example.com/%C3%A9?q=%20", "http://[::1]:8000/"])
def test_follows_a_link(client: TestClient, url: str) -> None:
    """Exactly to the URL it was created for."""
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


def test_an_empty_list_is_a_list(client: TestClient) -> None:
    """A new service has no links yet."""
    assert client.get("/api/v1/links").json() == {"items": [], "next": None}


@pytest.mark.parametrize("query", ["limit=0", "limit=101", "limit=many", "offset=-1"])
def test_refuses_a_page_that_cannot_be(client: TestClient, query: str) -> None:
    """422 names the parameter; the list has no body to blame."""
    response = client.get(f"/api/v1/links?{query}")

    _assert_problem(response, 422)
    (error,) = response.json()["errors"]
    assert error["pointer"] == "#/" + query.partition("=")[0]
    assert "body" not in response.json()["detail"]


def test_a_page_beyond_the_last_link_is_empty_or_refused(client: TestClient) -> None:
    """However far beyond."""
    for offset in (1, 2**63, 10**30):
        assert client.get(f"/api/v1/links?offset={offset}").status_code in {200, 422}


def test_refuses_a_taken_slug(client: TestClient) -> None:
    """409, and the first link stays."""
    _create(client, slug="docs")

    _assert_problem(_create(client, slug="docs", url="https://example.org/"), 409)
    assert client.get("/api/v1/links/docs").json()["url"] == URL


def test_has_no_link_that_nobody_created(client: TestClient) -> None:
    """404 from both ways to it."""
    for path in ("/api/v1/links/nowhere", "/r/nowhere"):
        _assert_problem(client.get(path), 404)


def test_says_when_it_is_full(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> None:
    """503 with the time to try again, and no end of what is stored."""
    monkeypatch.setattr(store.LinkStore.__init__, "__defaults__", (1,))
    with TestClient(create_app(settings)) as client:
        _create(client, slug="docs")

        response = _create(client)

        _assert_problem(response, 503)
        assert response.headers["retry-after"] == "5"
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
        ({"clicks": 7}, "#/clicks"),
    ],
)
def test_refuses_what_is_no_link(client: TestClient, members: dict[str, object], pointer: str) -> None:
    """422 names the member, and nothing is stored."""
    response = _create(client, **members)

    _assert_problem(response, 422)
    assert [error["pointer"] for error in response.json()["errors"]] == [pointer]
    assert client.get("/api/v1/links").json()["items"] == []


def test_takes_the_longest_of_everything(client: TestClient) -> None:
    """The limits themselves are allowed."""
    url = "https://example.com/".ljust(2048, "x")

    assert _create(client, url=url, slug="s" * 64).status_code == 201
    assert client.get(f"/r/{'s' * 64}").headers["location"] == url


def test_a_location_cannot_carry_a_header(client: TestClient) -> None:
    """Line breaks in a URL do not reach the response's head."""
    response = _create(client, url="https://example.com/\r\nSet-Cookie:a=b")

    if response.status_code == 201:
        followed = client.get(f"/r/{response.json()['slug']}")
        assert "set-cookie" not in followed.headers
        assert "\n" not in followed.headers["location"]


@pytest.mark.parametrize(
    ("path", "methods"),
    [("/api/v1/links", {"GET", "HEAD", "POST"}), ("/api/v1/links/docs", {"GET", "HEAD"}), ("/r/docs", {"GET", "HEAD"})],
)
def test_says_which_methods_a_path_has(client: TestClient, path: str, methods: set[str]) -> None:
    """405 lists all of them (RFC 9110)."""
    response = client.delete(path)

    _assert_problem(response, 405)
    assert set(response.headers["allow"].split(", ")) == methods


@pytest.fixture(scope="module")
def without_links(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project after the example was deleted as its docstring says."""
    project = tmp_path_factory.mktemp("deleted") / "service"
    names = ("src", "tests", "contract", "deploy", "pyproject.toml", "README.md", ".env.example")
    for name in names:
        source = PROJECT / name
        if source.is_dir():
            shutil.copytree(source, project / name, ignore=shutil.ignore_patterns("__pycache__"))
        elif source.exists():
            shutil.copy(source, project / name)
    for folder in ("src/<%= cookiecutter.package_name %>/api/links", "tests/api/links"):
        shutil.rmtree(project / folder)
    rooms = project / "src/<%= cookiecutter.package_name %>/api/__init__.py"
    kept = [line for line in rooms.read_text().splitlines(keepends=True) if "links" not in line]
    rooms.write_text("".join(kept))
    return project


def _run(project: Path, *program: str) -> None:
    path = f"{project / 'src'}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"
    ended = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, *program],
        cwd=project,
        env={**{name: value for name, value in os.environ.items() if not name.startswith("COV")}, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr


def test_can_be_deleted(without_links: Path) -> None:
    """The service starts without its example, and the tests that hold it together still pass."""
    _run(without_links, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/test_app.py", "tests/test_contract.py")


def test_is_used_by_no_other_test(without_links: Path) -> None:
    """A test of something else that needs a link would go with the example."""
    leaning = [
        str(file.relative_to(without_links))
        for file in (without_links / "tests").rglob("*.py")
        if "api/v1/links" in (text := file.read_text()) or "api.links" in text or "import links" in text
    ]

    assert leaning == []
