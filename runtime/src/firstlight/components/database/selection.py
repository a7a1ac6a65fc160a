"""The pages of a list as SQL: the conditions, the search, the keyset and the order of a `Selection`.

    COLUMNS = columns_of(links)
    page = select_page(select(links), COLUMNS, selection)

A client's text is always a parameter. Fields that the listing declares must be columns; another one is a `KeyError`.
"""

import operator
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, FromClause, Select, and_, func, literal, or_, select, tuple_

from ...lists import Condition, Order, Search, Selection
from .full_text import matches

RowT = TypeVar("RowT", bound=tuple[Any, ...])
Columns = Mapping[str, ColumnElement[Any]]

ESCAPE = "\\"  # as `Search.like` writes it


def columns_of(table: FromClause) -> Columns:
    """The columns of a table by their names, for a listing whose fields are called like them."""
    return dict(table.c.items())


def select_page(
    statement: Select[RowT], columns: Columns, selection: Selection, document: ColumnElement[Any] | None = None
) -> Select[RowT]:
    """The statement for the rows of one page, at most `limit`, in their order.

    `columns` has a column for each field of the listing. With `document`, from `full_text.document`, the search finds
    words; without, it finds parts of words in the fields of the search, in any letter case. On SQLite that is the case
    of ASCII.
    """
    narrowed = _narrowed(statement, columns, selection, document)
    after = selection.after
    if after is not None:
        narrowed = narrowed.where(_behind(columns, selection, after))
    page = narrowed.order_by(*(_sorted(columns, each) for each in selection.order)).limit(selection.limit)
    return page.offset(selection.offset) if selection.offset else page


def select_total(
    statement: Select[Any], columns: Columns, selection: Selection, document: ColumnElement[Any] | None = None
) -> Select[int]:
    """The statement for the number of rows without regard to the page. It counts no further than `count_to`."""
    narrowed = _narrowed(statement, columns, selection, document)
    rows = narrowed.with_only_columns(literal(1).label("counted"), maintain_column_froms=True)
    return select(func.count()).select_from(rows.limit(selection.count_to).subquery())


def _narrowed(
    statement: Select[RowT], columns: Columns, selection: Selection, document: ColumnElement[Any] | None
) -> Select[RowT]:
    wanted = [_compared(columns, each) for each in selection.conditions]
    if selection.search is not None:
        wanted.append(_found(columns, selection.search, document))
    return statement.where(*wanted)


def _compared(columns: Columns, condition: Condition) -> ColumnElement[bool]:
    column = columns[condition.field]
    compared: ColumnElement[bool] = getattr(operator, condition.operator)(column, literal(condition.value, column.type))
    return compared


def _found(columns: Columns, search: Search, document: ColumnElement[Any] | None) -> ColumnElement[bool]:
    if document is not None:
        return matches(document, search.text)
    return or_(*(columns[field].ilike(search.like, escape=ESCAPE) for field in search.fields))


def _behind(columns: Columns, selection: Selection, after: Sequence[Any]) -> ColumnElement[bool]:
    """The rows behind the last one of another page.

    In one direction it is a comparison of row values, which an index on the columns answers. Otherwise it is spelt out.
    """
    directions = {each.descending for each in selection.order}
    if len(directions) > 1:
        return or_(*(and_(*(_compared(columns, each) for each in one)) for one in selection.keyset))
    fields = [columns[each.field] for each in selection.order]
    last = tuple_(*(literal(value, column.type) for value, column in zip(after, fields, strict=True)))
    compared: ColumnElement[bool] = (operator.lt if directions.pop() else operator.gt)(tuple_(*fields), last)
    return compared


def _sorted(columns: Columns, order: Order) -> ColumnElement[Any]:
    column = columns[order.field]
    return column.desc() if order.descending else column.asc()
