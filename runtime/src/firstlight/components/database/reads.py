"""Reads: a select that is compiled once for each dialect, and executed without a transaction.

It goes to the driver directly. That leaves out the greenlet, the result object and the compile cache, which together
take more CPU than the driver (docs/adr/0049).
"""

from collections import namedtuple
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVarTuple

from sqlalchemy import BindParameter, Dialect, Select, SelectBase
from sqlalchemy.sql.visitors import iterate

Columns = TypeVarTuple("Columns")
Processor = Callable[[Any], Any]

if TYPE_CHECKING:

    class Row(tuple[*Columns]):
        """A named tuple: the names are those of the columns."""

        __slots__ = ()

        def __getattr__(self, name: str) -> Any:
            """The value of a column."""

else:
    Row = tuple


class Parameter(NamedTuple):
    """A parameter of a read: its name, what the driver needs instead of the value, and the value of a constant."""

    name: str
    process: Processor | None
    constant: Any
    required: bool


class Compiled(NamedTuple):
    """A read in the dialect of one driver."""

    text: str
    parameters: Sequence[Parameter]
    names: AbstractSet[str]
    """The keywords of a call."""
    processors: Sequence[Processor | None] | None
    """What makes a value of Python from one of the driver, by column; None where all values pass unchanged."""

    def arguments(self, given: Mapping[str, Any]) -> list[Any]:
        """The values in the order of the driver. Raises `TypeError` for a missing or an unknown keyword."""
        if len(given) != len(self.names):
            self.verify(given)
        values = []
        for name, process, constant, required in self.parameters:
            if not required:
                values.append(constant)
                continue
            try:
                value = given[name]
            except KeyError:
                self.verify(given)
                raise
            values.append(value if process is None or value is None else process(value))
        return values

    def verify(self, given: Mapping[str, Any]) -> None:
        """Raise `TypeError` for a missing or an unknown keyword."""
        for name in sorted(self.names - given.keys()):
            msg = f"this read needs the keyword {name}"
            raise TypeError(msg)
        for name in sorted(given.keys() - self.names):
            msg = f"this read has no keyword {name}"
            raise TypeError(msg)


class Read(Generic[*Columns]):
    """A select as a module constant: `BY_SLUG = Read(select(links.c.url).where(links.c.slug == bindparam("slug")))`.

    Each `bindparam` is a keyword of `database.read`. Rows are named tuples with the names of the columns.
    """

    def __init__(self, statement: "Select[*Columns]") -> None:
        """Compile the statement at its first use.

        Raises `TypeError` for another statement than a select, and for a list of values such as that of `in_`.
        """
        _verify(statement)
        self.statement = statement
        self.row: Callable[[Sequence[Any]], Row[*Columns]] = _row_of(statement)
        self._compiled: dict[str, Compiled] = {}

    def compiled(self, dialect: Dialect) -> Compiled:
        """The text and its processors for a dialect."""
        key = f"{dialect.name}+{dialect.driver}"
        found = self._compiled.get(key)
        if found is None:
            found = self._compiled[key] = _compile(self.statement, dialect)
        return found

    def rows(self, compiled: Compiled, records: Sequence[Any]) -> list[Row[*Columns]]:
        """The rows of the driver as named tuples."""
        make, processors = self.row, compiled.processors
        if processors is None:
            return [make(record) for record in records]
        return [
            make([value if process is None else process(value) for value, process in zip(r, processors, strict=True)])
            for r in records
        ]


def _verify(statement: object) -> None:
    if not isinstance(statement, SelectBase):
        msg = f"a read is made of a select, not of {type(statement).__name__}"
        raise TypeError(msg)
    if any(isinstance(part, BindParameter) and part.expanding for part in iterate(statement)):
        msg = "a read has no lists of values, because its text would differ: use database.select, or any_ of an array"
        raise TypeError(msg)


def _row_of(statement: "Select[*tuple[Any, ...]]") -> Any:
    names = [str(column.key) for column in statement.selected_columns]
    row: Any = namedtuple("Row", names, rename=True)  # type: ignore[misc] # noqa: PYI024 - the names are known only now
    return row._make


def _compile(statement: "Select[*tuple[Any, ...]]", dialect: Dialect) -> Compiled:
    compiled: Any = statement.compile(dialect=dialect)
    names = compiled.positiontup if compiled.positiontup is not None else list(compiled.bind_names.values())
    types = [column.type.dialect_impl(dialect) for column in statement.selected_columns]
    processors = [kind.result_processor(dialect, None) for kind in types]
    parameters = [_parameter(name, compiled.binds[name], dialect) for name in names]
    return Compiled(
        text=compiled.string,
        parameters=parameters,
        names={parameter.name for parameter in parameters if parameter.required},
        processors=processors if any(processors) else None,
    )


def _parameter(name: str, bind: Any, dialect: Dialect) -> Parameter:
    process = bind.type.dialect_impl(dialect).bind_processor(dialect)
    constant = bind.value if process is None or bind.value is None else process(bind.value)
    return Parameter(name, process, constant, bind.required)
