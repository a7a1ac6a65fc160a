"""Links in the database. Each method returns after the commit."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from firstlight import Component, NoSettings, Surroundings
from firstlight.components.database import DATABASE, Database, Read
from firstlight.components.database.selection import columns_of, select_page, select_total
from firstlight.lists import Found, Selection
from firstlight.problems import ConflictError, NotFoundError, PreconditionFailedError
from sqlalchemy import Delete, Update, bindparam, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from . import counts
from .port import Link, LinkStore, Visits
from .tables import WORDS, links

COLUMNS = columns_of(links)
BY_SLUG = Read(select(links).where(links.c.slug == bindparam("slug")))


class DatabaseLinks:
    """A `LinkStore` in a database. A change names the version that it replaces: of two at once, one is made."""

    def __init__(self, database: Database) -> None:
        """The database has the tables of `tables.py`."""
        self._database = database
        self._words = WORDS if database.primary.dialect_name == "postgresql" else None

    async def add(self, link: Link) -> None:
        """See the port."""
        try:
            async with self._database.transaction() as session:
                await session.execute(insert(links), _values(link))
        except IntegrityError:
            msg = f"The slug {link.slug} is taken."
            raise ConflictError(msg) from None

    async def get(self, slug: str) -> Link:
        """See the port."""
        row = await self._database.read_one(BY_SLUG, slug=slug)
        if row is None:
            raise _missing()
        return _link(row)

    async def select(self, selection: Selection) -> Found[Link]:
        """See the port."""
        page = select_page(select(links), COLUMNS, selection, self._words)
        found = [_link(row) for row in await self._database.select(page)]
        if selection.count_to is None:
            return Found(found)
        ((total,),) = await self._database.select(select_total(select(links), COLUMNS, selection, self._words))
        return Found(found, total)

    async def replace(self, link: Link, changed: Link) -> None:
        """See the port."""
        await self._change(link, update(links).values(_values(changed)))

    async def remove(self, link: Link) -> None:
        """See the port. The database removes the visits with the link."""
        await self._change(link, delete(links))

    async def visit(self, slug: str) -> Link:
        """See the port."""
        link = await self.get(slug)
        try:
            await counts.count(self._database, slug)
        except IntegrityError:  # the link was removed meanwhile
            raise _missing() from None
        return link

    async def visits(self, slug: str) -> Visits:
        """See the port."""
        counted = await counts.counted(self._database, slug)
        if counted is None:
            raise _missing()
        return Visits(*counted)

    async def _change(self, link: Link, change: Update | Delete) -> None:
        this = change.where(links.c.slug == link.slug, links.c.version == link.version).returning(links.c.slug)
        async with self._database.transaction() as session:
            if await session.scalar(this) is not None:
                return
            await self.get(link.slug)
        msg = "The link has changed since it was read."
        raise PreconditionFailedError(msg)


def _values(link: Link) -> dict[str, Any]:
    return {name: getattr(link, name) for name in COLUMNS}


def _link(row: Sequence[Any]) -> Link:
    return Link(**dict(zip(COLUMNS, row, strict=True)))


def _missing() -> NotFoundError:
    return NotFoundError("There is no link with this slug.")


@asynccontextmanager
async def open_store(surroundings: Surroundings[NoSettings]) -> AsyncIterator[LinkStore]:
    """A store in the database of the service."""
    yield DatabaseLinks(DATABASE.of(surroundings))


LINKS = Component(name="links", settings=NoSettings, open=open_store, requires=("database",))
