"""Counts by day, of which the last days are shown."""

from collections.abc import Mapping
from datetime import UTC, date, datetime

from firstlight.components.database import Database, Read
from sqlalchemy import Integer, bindparam, func, select
from sqlalchemy.dialects.postgresql import insert  # its `on_conflict_do_update` is SQLite's as well

from .tables import link_visits, links

DAYS = 7

_visits = link_visits.c
COUNT = (
    insert(link_visits)
    .values(slug=bindparam("slug"), day=bindparam("day"), visits=1)
    .on_conflict_do_update(index_elements=[_visits.slug, _visits.day], set_={"visits": _visits.visits + 1})
)
# One row for a link without visits, and none without the link.
OF_A_LINK = Read(
    select(_visits.day, _visits.visits, func.sum(_visits.visits).over().label("total"))
    .select_from(links.outerjoin(link_visits))
    .where(links.c.slug == bindparam("slug"))
    .order_by(_visits.day.desc())
    .limit(bindparam("days", type_=Integer))
)


async def count(database: Database, slug: str) -> None:
    """Count one visit. Days are in UTC. Raises `IntegrityError` if there is no such link."""
    async with database.transaction() as session:
        await session.execute(COUNT, {"slug": slug, "day": datetime.now(UTC).date()})


async def counted(database: Database, slug: str) -> tuple[int, Mapping[date, int]] | None:
    """All visits, and those of the last days with one, in their order. None if there is no such link."""
    rows = await database.read(OF_A_LINK, slug=slug, days=DAYS)
    if not rows:
        return None
    days = {day: visits for day, visits, _ in reversed(rows) if day is not None}
    return rows[0][2] or 0, days
