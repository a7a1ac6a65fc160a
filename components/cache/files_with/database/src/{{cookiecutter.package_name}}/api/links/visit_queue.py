"""The queue of visits: a redirect is answered when its visit is in the queue, and is counted within a second."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

from firstlight.components.cache.write_behind import write_behind
from firstlight.components.cache.write_behind.tables import write_behind_table
from sqlalchemy import Date, Integer, bindparam, literal_column, select
from sqlalchemy.dialects.postgresql import insert  # its `on_conflict_do_update` is SQLite's as well
from sqlalchemy.ext.asyncio import AsyncSession

from ...tables import METADATA
from .port import Link
from .tables import link_visits, links

write_behind_table(METADATA)

_VISITS = link_visits.c
_COUNTED = (
    select(
        links.c.slug,
        bindparam("of_day", type_=Date).label("day"),
        bindparam("number", type_=Integer).label("visits"),
    )
    # Not of a link that was deleted meanwhile, nor of another one with its slug.
    .where(links.c.slug == bindparam("of_slug"), links.c.created_at == bindparam("of_created_at"))
)
_INSERTED = insert(link_visits).from_select(["slug", "day", "visits"], _COUNTED)
COUNT = _INSERTED.on_conflict_do_update(
    index_elements=[_VISITS.slug, _VISITS.day], set_={"visits": _VISITS.visits + literal_column("excluded.visits")}
)


@dataclass(frozen=True, slots=True)
class Visit:
    """A visit of a link."""

    slug: str
    created_at: datetime
    day: date

    @classmethod
    def of(cls, link: Link) -> "Visit":
        """A visit now. Days are in UTC."""
        return cls(link.slug, link.created_at, datetime.now(UTC).date())


async def count(session: AsyncSession, visits: Sequence[Visit]) -> None:
    """Count the visits of a batch, each link and day once."""
    connection = await session.connection()
    for visit, number in sorted(Counter(visits).items(), key=lambda each: each[0].slug):
        values = {"of_slug": visit.slug, "of_created_at": visit.created_at, "of_day": visit.day, "number": number}
        await connection.execute(COUNT, values)


VISITS = write_behind("link_visits", Visit, to_database=count)
