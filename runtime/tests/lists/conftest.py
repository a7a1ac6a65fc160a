"""A list of parcels in memory, served by an application in this process."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.testclient import TestClient

from firstlight import Operation, Service, Settings, create_app
from firstlight.lists import Filter, Listing, PageOf, PageQuery, SortedRows

from ..faults import IDENTITY

if TYPE_CHECKING:  # an import before the plug-in is read would replace its fixture of the same name by the module
    from firstlight.testing.lines import Lines

FIRST = datetime(2026, 11, 27, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Parcel:
    """A row."""

    name: str
    weight: int
    sent_at: datetime
    note: str | None = None


LISTING = Listing(
    key="name",
    sort={"sent_at": datetime, "weight": int, "name": str},
    filters={"weight": int, "sent_after": Filter("sent_at", datetime, "gt"), "note": str},
    search=("name", "note"),
    limit=10,
    max_limit=50,
)


def parcel(number: int, note: str | None = None) -> Parcel:
    """One of a series: three are sent at a time, and there are four weights."""
    return Parcel(f"parcel-{number:05}", number % 4, FIRST + timedelta(microseconds=number // 3), note)


class Depot:
    """The parcels, and the clients of a service that lists them."""

    def __init__(self, settings: Settings, lines: "Lines") -> None:
        """No parcels yet."""
        self.rows = SortedRows[Parcel](LISTING)
        self.lines = lines
        self._settings = settings

    def client(self, listing: Listing = LISTING, **settings: Any) -> TestClient:
        """A client of the service with other settings or another declaration of the list."""

        async def read_page(request: Request, query: PageQuery) -> Response:
            """List parcels."""
            paging = listing.paging(request, query)
            page = paging.page(self.rows.select(paging.selection))
            return JSONResponse(page.document(lambda row: row.name), headers=page.headers)

        async def read_page_of_a_depot(request: Request, query: PageQuery) -> Response:
            """List the parcels of one depot."""
            return await read_page(request, query)

        handlers = {"/parcels": read_page, "/depots/{name}/parcels": read_page_of_a_depot}
        table = [
            Operation(method="GET", path=path, handler=handler, query=listing.query, answers={200: PageOf[str]})
            for path, handler in handlers.items()
        ]
        chosen = self._settings.model_copy(update=settings)
        return TestClient(create_app(chosen, Service(identity=IDENTITY, routes=table), log_sink=self.lines))

    def add(self, count: int) -> None:
        """Add the first parcels of the series."""
        for number in range(count):
            self.rows.add(parcel(number))


@pytest.fixture
def depot(settings: Settings, lines: "Lines") -> Depot:
    """Without parcels."""
    return Depot(settings, lines)


@pytest.fixture
def client(depot: Depot) -> Iterator[TestClient]:
    """A client of the list."""
    with depot.client() as client:
        yield client


def pages(client: TestClient, url: str, link: str = "next", turn: Callable[[], object] = int) -> list[list[str]]:
    """The names on each page, along one kind of link. `turn` is called after each page."""
    found = []
    following: str | None = url
    while following is not None:
        document = read(client, following)
        found.append(list(document["items"]))
        following = document[link]
        turn()
    return found


def read(client: TestClient, url: str) -> Mapping[str, Any]:
    """The document of a page."""
    response = client.get(url)
    assert response.status_code == 200, response.text
    document: Mapping[str, Any] = response.json()
    return document
