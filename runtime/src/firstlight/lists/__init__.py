"""Lists of a resource: pages by signed cursors, sort, filter and search by allow-list, as data for any store.

    LISTING = Listing(key="slug", sort={"created_at": datetime, "slug": str}, filters={"owner": str}, search=("url",))

    async def read_page(request: Request, query: PageQuery) -> Response:
        paging = LISTING.paging(request, query)
        page = paging.page(LINKS.of(request).select(paging.selection))
        return JsonResponse(page.document(_document))

    Operation(method="GET", path="/api/v1/links", handler=read_page, query=LISTING.query, answers={200: PageOf[Link]})

A store returns `Found(rows)` for a `Selection`: its conditions, order, limit and offset are data, from which a store
can write SQL. `SortedRows` does it for rows in memory.
"""

from .listing import Listing
from .location import location
from .page import Page, PageOf
from .paging import Paging
from .query import Filter, PageQuery
from .selection import Condition, Found, Order, Search, Selection
from .sorted_rows import SortedRows

__all__ = [
    "Condition",
    "Filter",
    "Found",
    "Listing",
    "Order",
    "Page",
    "PageOf",
    "PageQuery",
    "Paging",
    "Search",
    "Selection",
    "SortedRows",
    "location",
]
