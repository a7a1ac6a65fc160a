"""The clock of the database, in SQL: all instances share it, and it needs no agreement between their machines."""

from typing import Any

from sqlalchemy import Double
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement


class Now(FunctionElement[float]):
    """Seconds since 1970, when the statement began: an index is searched with it, unlike with `clock_timestamp()`."""

    type = Double()
    inherit_cache = True


@compiles(Now, "postgresql")
def _postgresql(_: Now, __: Any, **___: Any) -> str:
    return "CAST(extract(epoch FROM statement_timestamp()) AS double precision)"


@compiles(Now, "sqlite")
def _sqlite(_: Now, __: Any, **___: Any) -> str:
    return "((julianday('now') - 2440587.5) * 86400.0)"
