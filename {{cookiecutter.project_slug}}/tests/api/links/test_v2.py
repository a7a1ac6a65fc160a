"""Version 2 of links: the same links, with `target` in place of `url`."""

from starlette.testclient import TestClient

URL = "https://example.com/"


def test_both_versions_show_the_same_link(client: TestClient) -> None:
    """Created in one and changed in the other; only the name of the member differs."""
    created = client.post("/api/v2/links", json={"target": URL, "slug": "docs"})
    assert (created.status_code, created.headers["location"]) == (201, "/api/v2/links/docs")

    first = client.get("/api/v1/links/docs")
    assert first.json() == {**{name: value for name, value in created.json().items() if name != "target"}, "url": URL}

    changed = client.patch(
        "/api/v2/links/docs", json={"target": "https://example.org/"}, headers={"If-Match": first.headers["etag"]}
    )
    assert changed.json() == {**created.json(), "target": "https://example.org/"}
    assert client.get("/api/v2/links").json()["items"] == [changed.json()]
    assert client.get("/api/v1/links/docs").json()["url"] == "https://example.org/"


def test_a_version_knows_only_its_own_members(client: TestClient) -> None:
    """422 names the member of the other one."""
    for path, own, other in (("/api/v1/links", "url", "target"), ("/api/v2/links", "target", "url")):
        response = client.post(path, json={own: URL, other: URL})

        assert (response.status_code, response.json()["errors"][0]["pointer"]) == (422, f"#/{other}")
