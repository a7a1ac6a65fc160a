"""A service with a list that changes while clients read it."""

import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass

from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from firstlight import Identity, Operation, Service, main
from firstlight.conditional import entity_tag, not_modified
from firstlight.lists import Listing, PageQuery, SortedRows


@dataclass(frozen=True, slots=True)
class Parcel:
    """A row."""

    name: str
    weight: int


LISTING = Listing(key="name", sort={"weight": int, "name": str}, max_limit=100)
ROWS = SortedRows[Parcel](LISTING)
for number in range(200):
    ROWS.add(Parcel(f"parcel-{number:03}", number % 7))


async def read_page(request: Request, query: PageQuery) -> Response:
    """List parcels."""
    paging = LISTING.paging(request, query)
    page = paging.page(ROWS.select(paging.selection))
    return JSONResponse(page.document(lambda row: row.name))


class Weight(BaseModel):
    """The query of a change."""

    weight: int


async def add(request: Request, query: Weight) -> Response:
    """Add a parcel."""
    ROWS.add(Parcel(request.path_params["name"], query.weight))
    return Response(status_code=204)


async def remove(request: Request, query: Weight) -> Response:
    """Remove a parcel."""
    ROWS.remove(Parcel(request.path_params["name"], query.weight))
    return Response(status_code=204)


async def read(request: Request) -> Response:
    """Read a parcel that is as long as its name says."""
    tag = entity_tag(1)
    return not_modified(request, tag) or JSONResponse("x" * int(request.path_params["name"]), headers={"ETag": tag})


async def follow(_: Request) -> Response:
    """Follow a parcel."""

    async def parts() -> AsyncIterator[str]:
        for _ in range(3):
            yield f"data: {'x' * 2000}\n\n"

    return StreamingResponse(parts(), media_type="text/event-stream")


SERVICE = Service(
    identity=Identity(name="parcels", version="1"),
    routes=[
        Operation(method="GET", path="/parcels", handler=read_page, query=LISTING.query),
        Operation(method="GET", path="/parcels/{name}", handler=read),
        Operation(method="PUT", path="/parcels/{name}", handler=add, query=Weight),
        Operation(method="DELETE", path="/parcels/{name}", handler=remove, query=Weight),
        Operation(method="GET", path="/events", handler=follow),
    ],
)

if __name__ == "__main__":
    sys.exit(main(SERVICE))
