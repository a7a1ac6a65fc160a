"""One request for a page: what to select, and the page that is made of the rows."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import quote, urlencode

from pydantic import TypeAdapter
from starlette.requests import Request

from .cursor import CursorCodec
from .page import MAX_OFFSET, Page
from .query import PageQuery
from .selection import Found, Order, Selection

Row = TypeVar("Row")
_PLAIN_QUERY = re.compile(rb"(?:[A-Za-z0-9._~=&:,+*-]|%[0-9A-Fa-f]{2})*")
_POSITION = (b"cursor=", b"page=")
_PATH_CHARACTERS = "/:@!$&'()*+,;=~"  # RFC 3986


@dataclass(frozen=True, slots=True)
class Sorting:
    """One order of a list, with what depends on it. The last field of the order is unique."""

    order: Sequence[Order]
    reverse: Sequence[Order]
    key_of: Callable[[Any], Sequence[Any]]
    values: TypeAdapter[Any]


def address(public_url: str | None, request: Request) -> str:
    """The path of the request, escaped. It is absolute if there is a public URL.

    The `Host` of the request is never used: a client chooses it.
    """
    return f"{public_url or ''}{quote(request.scope['path'], safe=_PATH_CHARACTERS)}"


class Address:
    """Where the pages of a list are: the path of the request and its query without the position."""

    def __init__(self, public_url: str | None, request: Request) -> None:
        """Links are absolute if there is a public URL."""
        path = address(public_url, request)
        given = _without_position(request)
        self.first = f"{path}?{given}" if given else path
        self._prefix = f"{self.first}{'&' if given else '?'}"

    def at(self, name: str, value: object) -> str:
        """The address of the page at a position, which must not need escapes. None: of the first page."""
        return self.first if value is None else f"{self._prefix}{name}={value}"


def _without_position(request: Request) -> str:
    """The query string of a request without the parameters that name a page."""
    query: bytes = request.scope["query_string"]
    if _PLAIN_QUERY.fullmatch(query) is not None:  # it can be sent back unchanged, which costs a tenth
        return b"&".join([part for part in query.split(b"&") if not part.startswith(_POSITION)]).decode()
    given = {name: value for name, value in request.query_params.items() if name not in {"cursor", "page"}}
    return urlencode(given)


@dataclass(frozen=True, slots=True, kw_only=True)
class Paging:
    """What a request asks for. `selection` is for the store."""

    query: PageQuery
    selection: Selection
    backward: bool
    codec: CursorCodec
    key_of: Callable[[Any], Sequence[Any]]
    address: Address
    with_links: bool

    def page(self, found: Found[Row]) -> Page[Row]:
        """The page of the rows that the store found."""
        limit, number = self.query.limit, self.query.page
        rows, more = found.rows[:limit], len(found.rows) > limit
        if self.backward:
            rows = rows[::-1]
        after, before = self._by_cursor(rows, more=more) if number is None else self._by_number(number, rows, more=more)
        links = None
        if self.with_links:
            own = self.address.at("page", number) if self.query.cursor is None else self._at(self.query.cursor)
            links = {"self": own, "first": self.address.first, "next": after, "prev": before}
        return Page(rows=rows, next=after, prev=before, number=number, total=found.total, links=links)

    def _by_number(self, number: int, rows: Sequence[Any], *, more: bool) -> tuple[str | None, str | None]:
        """The links to the next and the previous page. Behind the last page that has a number, cursors continue."""
        after = None
        if more and (number + 1) * self.query.limit <= MAX_OFFSET:
            after = self.address.at("page", number + 1)
        elif more:
            after = self._after(rows[-1])
        return after, self.address.at("page", number - 1) if number > 1 else None

    def _by_cursor(self, rows: Sequence[Any], *, more: bool) -> tuple[str | None, str | None]:
        """The links to the next and the previous page. A cursor was taken from a row, so there is a page behind it."""
        came_from_next = self.backward and self.selection.after is not None
        came_from_prev = not self.backward and self.selection.after is not None
        if not rows:  # they have been deleted since
            return self.address.first if came_from_next else None, self._before(None) if came_from_prev else None
        has_next, has_prev = (came_from_next, more) if self.backward else (more, came_from_prev)
        return self._after(rows[-1]) if has_next else None, self._before(self.key_of(rows[0])) if has_prev else None

    def _after(self, row: Any) -> str:
        return self._at(self.codec.write(self.key_of(row), backward=False))

    def _before(self, values: Sequence[Any] | None) -> str:
        return self._at(self.codec.write(values, backward=True))

    def _at(self, cursor: str) -> str:
        return self.address.at("cursor", cursor)
