"""What clients may ask of one list, declared once: sort fields, filters, search and limits."""

from collections.abc import Mapping, Sequence
from operator import attrgetter
from types import GenericAlias
from typing import Any

from pydantic import TypeAdapter
from starlette.requests import Request

from .. import caller
from ..problems import InvalidError
from ..security.events import security_events
from ..settings import Settings
from ..signing import SigningKeys
from .cursor import CursorCodec
from .page import MAX_OFFSET, MAX_TOTAL
from .paging import Address, Paging, Sorting
from .query import Filter, PageQuery, page_query
from .selection import Condition, Order, Search, Selection

REFUSED = (
    "The cursor is not one of this list with this sort, filter and search. Ask for the first page, without a cursor."
)
_DESCENDING = "-"


class Listing:
    """One list. Rows are objects whose attributes are the fields, and no sort field may be None."""

    def __init__(  # noqa: PLR0913 - everything that a list declares is a keyword argument
        self,
        *,
        key: str,
        sort: Mapping[str, Any],
        default: str | None = None,
        filters: Mapping[str, Any] | None = None,
        search: Sequence[str] = (),
        limit: int = 20,
        max_limit: int = 100,
        links: bool = False,
    ) -> None:
        """`sort` are fields and their types; `key` is the one that is unique. `default` is a field, or `-` and a field.

        `filters` are query parameters: `{"owner": str}` compares the field `owner`; a `Filter` says more. `search` are
        the fields in which `q` is looked for. `links` adds `_links` to the document. Raises `ValueError` for a
        declaration that contradicts itself.
        """
        self._filters = {
            name: each if isinstance(each, Filter) else Filter(name, each) for name, each in (filters or {}).items()
        }
        _verify(key, sort, default, self._filters)
        self._search = tuple(search)
        self._links = links
        first = default or next(iter(sort))
        names = [f"{sign}{field}" for field in sort for sign in ("", _DESCENDING)]
        self._sorts = {name: _sorting(name, key, sort) for name in names}
        self.sorts: Sequence[Sequence[str]] = [[o.field for o in self._sorts[field].order] for field in sort]
        """The fields of each order that clients may ask for: an index for each serves both directions."""
        names.sort(key=first.__ne__)
        self.query: type[PageQuery] = page_query(
            names, self._filters, searches=bool(search), limits=(min(limit, max_limit), max_limit)
        )
        """The model of the query: the `query` of the operation."""

    def paging(self, request: Request, query: PageQuery) -> Paging:
        """What the request asks for. Raises `InvalidError` for a cursor of another list, and for a page too far."""
        sorting = self._sorts[query.sort]
        conditions = [
            Condition(each.field, each.operator, _storable(name, value))
            for name, each in self._filters.items()
            if (value := getattr(query, name)) is not None
        ]
        text = getattr(query, "q", None)
        codec = CursorCodec(SigningKeys.of(request), _context(request, query.sort, conditions, text), sorting.values)
        after, backward = _position(codec, query)
        selection = Selection(
            conditions=conditions,
            search=None if text is None else Search(text, self._search),
            order=sorting.reverse if backward else sorting.order,
            after=after,
            limit=query.limit + 1,
            offset=0 if query.page is None else _offset(query.page, query.limit),
            count_to=MAX_TOTAL + 1 if query.total else None,
        )
        return Paging(
            query=query,
            selection=selection,
            backward=backward,
            codec=codec,
            key_of=sorting.key_of,
            address=Address(Settings.of(request).public_url, request),
            with_links=self._links,
        )


def _position(codec: CursorCodec, query: PageQuery) -> tuple[Sequence[Any] | None, bool]:
    if query.cursor is None:
        return None, False
    if query.page is not None:
        raise _invalid(parameter="page", detail="The page is given by its number or by a cursor, not by both.")
    try:
        return codec.read(query.cursor)
    except ValueError as error:
        security_events.record("cursor_refused", reason=str(error))
        raise _invalid(parameter="cursor", detail=REFUSED) from None


def _storable(name: str, value: object) -> object:
    """The value of a filter. PostgreSQL refuses a text with a NUL."""
    if isinstance(value, str) and "\0" in value:
        raise _invalid(parameter=name, detail="The text must not contain the character U+0000.")
    return value


def _offset(page: int, limit: int) -> int:
    if page * limit > MAX_OFFSET:
        raise _invalid(
            parameter="page",
            detail=f"The page must be within the first {MAX_OFFSET} items. Follow `next` to read all items.",
        )
    return (page - 1) * limit


def _invalid(*, parameter: str, detail: str) -> InvalidError:
    return InvalidError(detail, [{"pointer": f"#/{parameter}", "detail": detail, "in": "query"}])


def _context(request: Request, sort: str, conditions: Sequence[Condition], text: str | None) -> Sequence[object]:
    """What a cursor is valid for. An address may change between two pages, so only a name counts as the caller."""
    scope = request.scope
    name = caller.name_of(scope) if caller.is_authenticated(scope) else None
    return [scope["path"], name, sort, text, *([each.field, each.operator, str(each.value)] for each in conditions)]


def _sorting(name: str, key: str, types: Mapping[str, Any]) -> Sorting:
    field, descending = name.removeprefix(_DESCENDING), name.startswith(_DESCENDING)
    fields = [field] if field == key else [field, key]
    return Sorting(
        order=[Order(each, descending) for each in fields],
        reverse=[Order(each, not descending) for each in fields],
        key_of=attrgetter(*fields) if len(fields) > 1 else lambda row: (getattr(row, key),),
        values=_type([types[each] for each in fields]),
    )


def _type(fields: Sequence[Any]) -> TypeAdapter[Any]:
    kind: Any = GenericAlias(tuple, tuple(fields))
    return TypeAdapter(kind)


def _verify(key: str, sort: Mapping[str, Any], default: str | None, filters: Mapping[str, Filter]) -> None:
    if key not in sort:
        msg = f"the key {key!r} must be one of the sort fields"
        raise ValueError(msg)
    if default is not None and default.removeprefix(_DESCENDING) not in sort:
        msg = f"the default {default!r} must be a sort field, or one with - in front"
        raise ValueError(msg)
    if taken := sorted({*PageQuery.model_fields, "q"} & {*filters}):
        msg = f"{taken[0]!r} cannot be a filter: every list has a parameter of this name"
        raise ValueError(msg)
