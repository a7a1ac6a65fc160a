"""Which rows a page shows, as data: a store reads them from memory, or writes SQL from them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeVar

Row = TypeVar("Row")
Operator = Literal["eq", "ne", "lt", "le", "gt", "ge"]


@dataclass(frozen=True, slots=True)
class Condition:
    """A field of the row, compared with a value. `operator` is the name of a function of Python's `operator`."""

    field: str
    operator: Operator
    value: Any


@dataclass(frozen=True, slots=True)
class Order:
    """One field by which rows are sorted."""

    field: str
    descending: bool = False


@dataclass(frozen=True, slots=True)
class Search:
    """A text, of which one of the fields must contain a copy in any letter case."""

    text: str
    fields: Sequence[str]

    @property
    def like(self) -> str:
        r"""The pattern for SQL's `LIKE ... ESCAPE '\'`."""
        escaped = self.text.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_")
        return f"%{escaped}%"


@dataclass(frozen=True, slots=True)
class Selection:
    """Rows that satisfy all conditions, the search and the keyset, sorted by `order`, of which the last is unique.

    For the page before another one, `order` is the reverse of the one that the client sees. `Paging` reverses the rows.
    """

    conditions: Sequence[Condition]
    search: Search | None
    order: Sequence[Order]
    after: Sequence[Any] | None
    """The values of the fields in `order` behind which the rows begin. None: from the first row."""
    limit: int
    """How many rows to return at most: one more than the page shows."""
    offset: int = 0
    """How many rows to leave out. Not 0 only where a client asks for the number of a page."""
    count_to: int | None = None
    """The number up to which to count the rows that satisfy conditions and search. None: do not count them."""

    @property
    def keyset(self) -> Sequence[Sequence[Condition]]:
        """What `after` means: rows that satisfy all conditions of one of these sequences. Empty without `after`."""
        after = self.after
        if after is None:
            return ()
        return [
            (
                *(Condition(same.field, "eq", value) for same, value in zip(self.order[:place], after, strict=False)),
                Condition(last.field, "lt" if last.descending else "gt", after[place]),
            )
            for place, last in enumerate(self.order)
        ]


@dataclass(frozen=True, slots=True)
class Found(Generic[Row]):
    """What a store returns for a `Selection`: at most `limit` rows, in its `order`."""

    rows: Sequence[Row]
    total: int | None = None
    """The number of rows without regard to the page, up to `count_to`. None unless it was asked for."""
