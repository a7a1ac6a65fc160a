"""The query parameters of a list: a pydantic model made from the sort fields and filters that are allowed."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, create_model

from .selection import Operator

MAX_CURSOR_CHARACTERS = 4096
MAX_PAGE = 10_000
MAX_SEARCH_CHARACTERS = 100
_SEARCHES = "A text that an item must contain, in any letter case."
_PRINTABLE = r"^[^\x00-\x1f\x7f]*$"


_DATE = re.compile(r"\d{4}-\d\d-\d\d[Tt]")


def _is_date(text: object) -> object:
    """Refuse a number, which pydantic would read as seconds or milliseconds since 1970."""
    if isinstance(text, str) and _DATE.match(text) is None:
        msg = "must be a date and a time with its zone, such as 2026-11-27T12:30:00Z"
        raise ValueError(msg)
    return text


_INSTANT = Annotated[AwareDatetime, BeforeValidator(_is_date)]
_INSTANTS = (datetime, AwareDatetime)


@dataclass(frozen=True, slots=True)
class Filter:
    """A query parameter that compares a field of the row: `{"created_after": Filter("created_at", datetime, "gt")}`."""

    field: str
    type: Any
    """The type of the value, such as `Annotated[str, Field(max_length=64)]`. A `datetime` must have a time zone."""
    operator: Operator = "eq"


class PageQuery(BaseModel):
    """The query parameters that every list has. Unknown parameters are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    limit: int
    cursor: Annotated[
        str | None,
        Field(
            min_length=1,
            max_length=MAX_CURSOR_CHARACTERS,
            description="Where the page begins. The links `next` and `prev` of another page have it.",
        ),
    ] = None
    page: Annotated[
        int | None, Field(ge=1, le=MAX_PAGE, description="The number of the page, in place of `cursor`.")
    ] = None
    total: Annotated[bool, Field(description="Whether to count all items.")] = False
    sort: str


def page_query(sorts: list[str], filters: Mapping[str, Filter], *, searches: bool, limits: tuple[int, int]) -> Any:
    """The model of a list. The first of `sorts` is the default; `limits` are the default and the maximum of `limit`."""
    default, maximum = limits
    fields: dict[str, Any] = {
        "limit": (int, Field(default, ge=1, le=maximum, description="How many items a page has at most.")),
        "sort": (
            Literal[tuple(sorts)],
            Field(sorts[0], description="The field by which items are sorted; with `-` in front, in descending order."),
        ),
    }
    if searches:
        fields["q"] = (
            str | None,
            Field(None, min_length=1, max_length=MAX_SEARCH_CHARACTERS, pattern=_PRINTABLE, description=_SEARCHES),
        )
    for name, each in filters.items():
        kind = _INSTANT if each.type in _INSTANTS else each.type
        fields[name] = (kind | None, Field(None, description=_description(each)))
    return create_model(PageQuery.__name__, __base__=PageQuery, __doc__=PageQuery.__doc__, **fields)


_MEANINGS: Mapping[Operator, str] = {
    "eq": "is",
    "ne": "is not",
    "lt": "is less than",
    "le": "is at most",
    "gt": "is greater than",
    "ge": "is at least",
}


def _description(each: Filter) -> str:
    return f"Only items whose `{each.field}` {_MEANINGS[each.operator]} this value."
