"""Pool arithmetic: the connections that all instances may open, and those that the server has for them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

UNLIMITED = -1
FOR_MIGRATE = 1  # connections of `python -m <package> migrate`, which runs beside the instances

# `reserved_connections` exists since PostgreSQL 16.
LIMITS = """
SELECT current_setting('max_connections')::int AS max_connections,
       current_setting('superuser_reserved_connections')::int
       + coalesce(current_setting('reserved_connections', true)::int, 0) AS reserved,
       (SELECT datconnlimit FROM pg_database WHERE datname = current_database()) AS of_database,
       (SELECT rolconnlimit FROM pg_roles WHERE rolname = current_user) AS of_role
"""


class Limits(NamedTuple):
    """The answer to `LIMITS`, in connections. -1 is no limit."""

    max_connections: int
    reserved: int
    of_database: int
    of_role: int

    @property
    def tightest(self) -> tuple[int, str, str]:
        """The lowest limit in connections, what it is, and where it is changed."""
        total = f"max_connections {self.max_connections} less {self.reserved} reserved"
        found = [(self.max_connections - self.reserved, total, "max_connections of the server")]
        for limit, holder in ((self.of_database, "database"), (self.of_role, "role")):
            found.append((limit, f"CONNECTION LIMIT of the {holder}", f"CONNECTION LIMIT of the {holder}"))
        return min(each for each in found if each[0] != UNLIMITED)


@dataclass(frozen=True, slots=True)
class Demand:
    """The connections that a service may open at once to one server."""

    pool_size: int
    instances: int
    beside: int = 0
    """Connections of each instance that are not in its pool."""

    @property
    def connections(self) -> int:
        """Of all instances and of `migrate`."""
        return self.instances * (self.pool_size + self.beside) + FOR_MIGRATE

    def __str__(self) -> str:
        """The sum."""
        of_each = f"({self.pool_size} + {self.beside})" if self.beside else str(self.pool_size)
        return f"{self.instances} x {of_each} connections and {FOR_MIGRATE} of `migrate` are {self.connections}"

    def excess(self, limits: Limits) -> "Excess | None":
        """How this exceeds the limits of a server. `None` if it fits."""
        allowed, name, place = limits.tightest
        if self.connections <= allowed:
            return None
        fitting = (allowed - FOR_MIGRATE) // self.instances - self.beside
        return Excess(self, allowed, name, (*_smaller(fitting), f"raise {place} by {self.connections - allowed}"))


def _smaller(fitting: int) -> Sequence[str]:
    """A pool without connections serves nobody."""
    return [f"set DATABASE_POOL_SIZE to {fitting}"] if fitting > 0 else ["run fewer instances (DATABASE_INSTANCES)"]


@dataclass(frozen=True, slots=True)
class Excess:
    """More connections than the server has. `changes` are what mends it, each alone."""

    demand: Demand
    allowed: int
    limited_by: str
    changes: Sequence[str]

    @property
    def sentence(self) -> str:
        """The numbers, and what to change."""
        changes = ", or ".join(self.changes)
        return f"{self.demand}, more than the {self.allowed} that the server has ({self.limited_by}): {changes}."
