"""A page of a list: its rows, the links to other pages, and the document of both."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Generic, TypeVar

from pydantic import BaseModel, Field

MAX_TOTAL = 10_000
MAX_OFFSET = 10_000  # rows up to the end of a page with a number: a store reads those that it leaves out
Row = TypeVar("Row")
Item = TypeVar("Item")


class PageOf(BaseModel, Generic[Item]):
    """The document of a page, for the `answers` of an operation: `PageOf[LinkOut]`."""

    items: list[Item]
    next: Annotated[str | None, Field(description="The link to the next page. null on the last page.")]
    prev: Annotated[str | None, Field(description="The link to the previous page. null on the first page.")]
    page: Annotated[int | None, Field(description="The number of this page, if the query has one.")] = None
    total: Annotated[int | None, Field(description="The number of all items, if the query asks for it.")] = None
    total_is_exact: Annotated[bool | None, Field(description="false: there are more than `total` items.")] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Page(Generic[Row]):
    """The rows of a page and its links: references relative to the service, or absolute with `PUBLIC_URL`."""

    rows: Sequence[Row]
    next: str | None
    prev: str | None
    number: int | None
    total: int | None
    """The number of all rows. One more than the limit up to which they are counted: there are more."""
    links: Mapping[str, str | None] | None
    """The links of the member `_links` by name. None: the document does not have it."""

    def document(self, item: Callable[[Row], Any]) -> dict[str, Any]:
        """The document. `item` makes the JSON object of one row."""
        document: dict[str, Any] = {"items": [item(row) for row in self.rows], "next": self.next, "prev": self.prev}
        if self.number is not None:
            document["page"] = self.number
        if self.total is not None:
            document["total"] = min(self.total, MAX_TOTAL)
            document["total_is_exact"] = self.total <= MAX_TOTAL
        if self.links is not None:
            document["_links"] = links(**self.links)
        return document

    @property
    def headers(self) -> Mapping[str, str]:
        """The header `Link` (RFC 8288) with the next and the previous page, for a response that shall have it."""
        given = [f'<{url}>; rel="{name}"' for name, url in (("next", self.next), ("prev", self.prev)) if url]
        return {"Link": ", ".join(given)} if given else {}


def links(**urls: str | None) -> dict[str, dict[str, str]]:
    """The member `_links` of a document: an object with `href` for each name. A name whose URL is None is left out."""
    return {name: {"href": url} for name, url in urls.items() if url is not None}
