"""Pages of a list over HTTP: sort, filter, search, limits, totals and links."""

from typing import Any

import pytest
from starlette.testclient import TestClient

from firstlight.lists import Listing, PageOf

from .conftest import LISTING, Depot, pages, parcel, read

NAMES = [f"parcel-{number:05}" for number in range(30)]


@pytest.mark.parametrize(
    ("sort", "limit"), [("sent_at", 1), ("-sent_at", 7), ("weight", 30), ("-weight", 7), ("name", 31)]
)
def test_every_row_is_on_one_page(depot: Depot, client: TestClient, sort: str, limit: int) -> None:
    """In the order that was asked for, forwards and backwards, also where rows have equal values."""
    depot.add(30)
    rows = sorted(map(parcel, range(30)), key=lambda row: (getattr(row, sort.lstrip("-")), row.name))
    expected = [row.name for row in (rows[::-1] if sort.startswith("-") else rows)]

    found = pages(client, f"/parcels?sort={sort}&limit={limit}")
    assert [name for page in found for name in page] == expected
    assert {len(page) for page in found[:-1]} <= {limit}

    last = read(client, f"/parcels?sort={sort}&limit={limit}")
    while last["next"]:
        last = read(client, last["next"])
    back = [last["items"], *pages(client, last["prev"], "prev")] if last["prev"] else [last["items"]]
    assert back[::-1] == found


def test_the_ends_have_no_links(depot: Depot, client: TestClient) -> None:
    """An empty list has none at all."""
    empty = client.get("/parcels")
    assert empty.json() == {"items": [], "next": None, "prev": None}
    assert "link" not in empty.headers
    depot.add(11)
    first = client.get("/parcels")
    assert (first.json()["prev"], len(first.json()["items"])) == (None, 10)
    assert first.headers["link"] == f'<{first.json()["next"]}>; rel="next"'
    last = client.get(first.json()["next"])
    assert (last.json()["next"], last.json()["items"]) == (None, ["parcel-00010"])
    assert last.headers["link"] == f'<{last.json()["prev"]}>; rel="prev"'


FOUND = {
    "weight=3": ["parcel-00003", "parcel-00007"],
    "sent_after=2026-11-27T00:00:00.000001Z": ["parcel-00006", "parcel-00007", "parcel-00008"],
    "sent_after=2026-11-27T01:00:00.000001%2B01:00&weight=3": ["parcel-00007"],
    "q=L-00001": ["parcel-00001"],
    "q=FRAGILE": ["parcel-00008"],
    "note=fragile": ["parcel-00008"],
    "q=%25": [],
    "weight=9": [],
}


def test_filters_and_search(depot: Depot, client: TestClient) -> None:
    """They apply together, to every page, and a row without a value satisfies no condition on it."""
    depot.add(8)
    depot.rows.add(parcel(8, "fragile"))
    found = {query: [name for page in pages(client, f"/parcels?limit=1&{query}") for name in page] for query in FOUND}
    assert found == FOUND


REFUSED = {
    "limit=0": "#/limit",
    "limit=51": "#/limit",
    "limit=ten": "#/limit",
    "sort=note": "#/sort",
    "sort=-": "#/sort",
    "sort=sent_at,name": "#/sort",
    "order=name": "#/order",
    "sent_at=2026-11-27T00:00:00Z": "#/sent_at",
    "sent_after=2026-11-27T00:00:00": "#/sent_after",
    "weight=heavy": "#/weight",
    "note=a%00b": "#/note",
    "q=": "#/q",
    "q=a%00b": "#/q",
    f"q={'x' * 101}": "#/q",
    "page=0": "#/page",
    "page=1&cursor=x": "#/page",
    "page=201&limit=50": "#/page",
    "page=100000000000000000000": "#/page",
    "total=perhaps": "#/total",
}


def test_what_is_not_allowed_is_refused(client: TestClient) -> None:
    """With 422, and a pointer to the parameter."""
    responses = {query: client.get(f"/parcels?{query}") for query in REFUSED}
    assert {response.status_code for response in responses.values()} == {422}
    found = {query: [e["pointer"] for e in response.json()["errors"]] for query, response in responses.items()}
    assert found == {query: [pointer] for query, pointer in REFUSED.items()}


def test_pages_by_number(depot: Depot, client: TestClient) -> None:
    """Only on request, like the total."""
    depot.add(30)
    second = read(client, "/parcels?page=2&total=true&limit=12")
    assert second["items"] == NAMES[12:24]
    assert (second["page"], second["total"], second["total_is_exact"]) == (2, 30, True)
    assert read(client, second["next"])["items"] == NAMES[24:]
    assert read(client, second["prev"])["items"] == NAMES[:12]
    assert read(client, "/parcels?page=9") == {"items": [], "next": None, "prev": "/parcels?page=8", "page": 9}
    assert read(client, "/parcels?total=true&weight=1")["total"] == 8


def test_numbers_and_totals_end_where_a_store_would_read_too_much(depot: Depot, client: TestClient) -> None:
    """Cursors continue behind the last page with a number, and a total that is not exact says so."""
    depot.add(10_003)
    assert client.get("/parcels?page=201&limit=50").status_code == 422
    last = read(client, "/parcels?page=200&limit=50&total=true")
    assert (last["items"][-1], last["total"], last["total_is_exact"]) == ("parcel-09999", 10_000, False)
    assert read(client, last["next"])["items"] == ["parcel-10000", "parcel-10001", "parcel-10002"]
    assert read(client, "/parcels?limit=1&total=true&q=parcel")["total_is_exact"] is False


HOSTS = {"Host": "evil.example", "X-Forwarded-Host": "evil.example", "Forwarded": "host=evil.example"}


def test_links_never_name_the_host_of_the_request(depot: Depot) -> None:
    """A client chooses it, and a cache would give the link to others."""
    depot.add(30)
    listing = Listing(key="name", sort={"name": str}, links=True)
    with depot.client(listing, trusted_hosts=("*",)) as client:
        document = client.get("/parcels?limit=9", headers=HOSTS).json()
        links = document["_links"]
        assert links["self"] == links["first"] == {"href": "/parcels?limit=9"}
        assert links["next"] == {"href": document["next"]}
        assert "prev" not in links
        second = client.get(document["next"], headers=HOSTS).json()["_links"]
        assert second["self"] == links["next"]
        assert second["first"] == {"href": "/parcels?limit=9"}
        assert "evil" not in str([document, second])
    with depot.client(listing, trusted_hosts=("*",), public_url="https://api.example.com/v") as client:
        document = client.get("/parcels?limit=9", headers=HOSTS).json()
        assert document["next"].startswith("https://api.example.com/v/parcels?limit=9&cursor=")
        assert document["_links"]["self"] == {"href": "https://api.example.com/v/parcels?limit=9"}
        assert "evil" not in str(document)


def test_links_are_escaped(depot: Depot, client: TestClient) -> None:
    """Characters of the path and of the query are what the client has sent, and cannot end the link."""
    depot.add(30)
    url = "/depots/%3Cb%3E%22%C3%A9%20%3F%23/parcels?q=parcel&limit=9"
    document = read(client, url)
    assert document["next"].startswith(f"{url}&cursor=")
    assert read(client, document["next"])["items"] == NAMES[9:18]


def test_the_query_is_in_the_schema() -> None:
    """With every parameter, its limits and its description; nothing that a client may not use."""
    schema = LISTING.query.model_json_schema()
    properties: dict[str, Any] = schema["properties"]
    assert {*properties} == {"limit", "cursor", "page", "total", "sort", "q", "weight", "sent_after", "note"}
    assert properties["sort"]["enum"] == ["sent_at", "-sent_at", "weight", "-weight", "name", "-name"]
    assert properties["sort"]["default"] == "sent_at"
    assert (properties["limit"]["default"], properties["limit"]["maximum"]) == (10, 50)
    assert [name for name, each in properties.items() if not each.get("description")] == []
    assert schema["additionalProperties"] is False
    assert {*PageOf[int].model_json_schema()["required"]} == {"items", "next", "prev"}


def test_a_list_may_have_another_default(depot: Depot) -> None:
    """Such as the newest first, without search."""
    depot.add(3)
    with depot.client(Listing(key="name", sort={"name": str}, default="-name")) as client:
        assert read(client, "/parcels")["items"] == NAMES[2::-1]
        assert read(client, "/parcels?sort=name")["items"] == NAMES[:3]
        assert client.get("/parcels?q=a").status_code == 422


@pytest.mark.parametrize(
    ("declaration", "text"),
    [
        ({"key": "id", "sort": {"name": str}}, "'id' must be one of the sort fields"),
        ({"key": "name", "sort": {"name": str}, "default": "age"}, "'age' must be a sort field"),
        ({"key": "name", "sort": {"name": str}, "filters": {"limit": int}}, "'limit' cannot be a filter"),
        ({"key": "name", "sort": {"name": str}, "filters": {"q": str}}, "'q' cannot be a filter"),
    ],
)
def test_a_declaration_that_contradicts_itself_is_an_error(declaration: dict[str, Any], text: str) -> None:
    """When the module is imported, not when a client asks."""
    with pytest.raises(ValueError, match=text):
        Listing(**declaration)
