"""The client of the plug-in fails for a response that its operation does not declare."""

import re

import pytest
from starlette.testclient import TestClient

from firstlight import Service

from ..openapi.parcels import SERVICE

PARCEL = {"name": "books", "to": {"city": "Köln"}}


@pytest.fixture(scope="session")
def service() -> Service:
    """The service with parcels."""
    return SERVICE


@pytest.fixture(scope="session")
def declared_answers() -> bool:
    """As the tests of a generated service have it."""
    return True


def test_accepts_what_is_declared(client: TestClient) -> None:
    """Answers, problems of the handler and of the runtime, other media types, plain routes, unknown paths."""
    assert client.post("/parcels", json=PARCEL).status_code == 201
    assert client.post("/parcels", json={**PARCEL, "name": "taken"}).status_code == 409
    assert client.post("/parcels", json={}).status_code == 422
    assert client.post("/parcels", content="{", headers={"Content-Type": "application/json"}).status_code in {400, 422}
    assert client.post("/parcels", content="x", headers={"Content-Type": "text/plain"}).status_code == 415
    assert client.post("/parcels", content=b" " * 2_000_000).status_code == 413
    assert client.request("GET", "/parcels/1", content=b" " * 2_000_000).status_code in {200, 413}
    assert client.get("/parcels/0").status_code == 404
    assert client.get("/parcels/1").json()["label"] == "a, Köln"
    assert client.head("/parcels/1").status_code == 200
    assert client.get("/labels/a/b").text == "label"
    assert client.get("/failing").status_code == 500
    assert client.get("/plain").status_code == 418
    assert client.delete("/parcels").status_code == 405
    assert client.get("/nowhere").status_code == 404


@pytest.mark.parametrize(
    ("method", "path", "sentence"),
    [
        ("GET", "/untold/418", "418 without a declaration: add 418 to `problems` of the operation, or change the"),
        ("GET", "/untold/202", "202 without a declaration: add 202 to `answers` of the operation, or change the"),
        ("GET", "/untold/500", "200 with a JSON document: name its model in `answers`, as in {200: LinkOut}"),
        ("GET", "/broken", "404 with application/json; an error must be a problem document: raise one of"),
        ("HEAD", "/untold/202", "202 without a declaration"),
        ("GET", "/parcels/2", "200 with a document that is no Parcel: #/size input should be 'small' or 'large'"),
        ("GET", "/parcels/4", "200 with a document that is no Parcel: #/grams input should be a valid integer"),
        (
            "GET",
            "/parcels/3",
            "200 with a document that is no Parcel: #/name input should be a valid string; #/to/zip is no member of",
        ),
        ("GET", "/parcels?from=2026-11-27&size=small", "200 with a document that is no Pages[Parcel]: #/since is no"),
    ],
)
def test_names_what_is_not_declared(client: TestClient, method: str, path: str, sentence: str) -> None:
    """One sentence, at the line of the request."""
    with pytest.raises(AssertionError, match=rf"^GET /\S+ answered {re.escape(sentence)}"):
        client.request(method, path)


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_accepts_each_version_of_an_operation(client: TestClient, version: str) -> None:
    """With the media type of the version."""
    response = client.get("/where", headers={"Accept": f"application/vnd.parcels.{version}+json"})

    assert response.headers["content-type"] == f"application/vnd.parcels.{version}+json"
    assert client.get("/where", headers={"Accept": "application/vnd.parcels.v3+json"}).status_code == 406


def test_names_what_no_version_declares(client: TestClient) -> None:
    """The response is compared with each version."""
    with pytest.raises(AssertionError, match=r"^GET /where answered 200 with a document that is no Address: #/city "):
        client.get("/where", headers={"Accept": "application/vnd.parcels.v1+json", "X-Wrong": "1"})


def test_names_a_missing_header(client: TestClient) -> None:
    """A declared header is on every response with that status."""
    with pytest.raises(AssertionError, match=r"^POST /parcels answered 201 without the header Location, which the"):
        client.post("/parcels", json={**PARCEL, "name": "lost"})
