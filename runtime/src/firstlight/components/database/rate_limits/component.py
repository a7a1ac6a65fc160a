"""The component: limits whose states are in the database, and the removal of those that have expired."""

from collections.abc import Sequence
from typing import Any

from ....component import Background, Component, NoSettings, Surroundings
from ....rate_limits import Limit
from ....rate_limits import rate_limits as with_store
from ....rate_limits.headers import Headers
from ....rate_limits.limiter import Limiter
from .. import expired
from ..component import DATABASE
from ..database import Database
from . import statements
from .store import DatabaseStore

EVERY_SECONDS = 30.0


async def remove_all(database: Database) -> None:
    """Remove what has expired, in batches. Rows that a request has locked stay."""
    await expired.remove(database, statements.REMOVE_EXPIRED)


async def remove_expired(surroundings: Surroundings[Any]) -> None:
    """Remove what has expired, as a background task."""
    with expired.while_reachable():
        await remove_all(DATABASE.of(surroundings))


def open_database_store(surroundings: Surroundings[NoSettings], limits: Sequence[Limit]) -> DatabaseStore:
    """The states in the database of the service."""
    return DatabaseStore(DATABASE.of(surroundings), limits)


def rate_limits(*limits: Limit, headers: Headers = "x-ratelimit") -> Component[NoSettings, Limiter | None]:
    """The component `rate_limits` of `firstlight.rate_limits`, with one counter for all instances.

    Raises `ArrangementError` for limits that do not fit together.
    """
    return with_store(
        *limits,
        store=open_database_store,
        requires=("database",),
        headers=headers,
        background=(Background("rate_limits_expired", remove_expired, every_seconds=EVERY_SECONDS),),
    )
