# mypy: disable-error-code="import-not-found"
"""The table that the calls of the database use, as a table and as a class of the ORM."""

from sqlalchemy import Column, DateTime, Identity, Integer, MetaData, Table, Text, bindparam, func, insert, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.orm import registry

ROWS = 1000
METADATA = MetaData()
PAGES = Table(
    "pages",
    METADATA,
    Column("id", Integer, Identity(), primary_key=True),
    Column("slug", Text, nullable=False, index=True),
    Column("url", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
)
BY_SLUG = select(PAGES.c.slug, PAGES.c.url, PAGES.c.title, PAGES.c.created_at).where(PAGES.c.slug == bindparam("slug"))
BY_SLUG_TEXT = "SELECT slug, url, title, created_at FROM pages WHERE slug = $1"
NAMES = ("slug", "url", "title")
# One statement for all rows: the arrays are its parameters, so that its text is always the same.
INSERT_ALL = insert(PAGES).from_select(
    NAMES, select(*(func.unnest(bindparam(name, type_=ARRAY(Text))) for name in NAMES))
)


class Page:
    """A row of the table."""

    slug: str
    url: str
    title: str

    def __init__(self, slug: str, url: str, title: str) -> None:
        """A row that the table does not have yet."""
        self.slug, self.url, self.title = slug, url, title


registry().map_imperatively(Page, PAGES)


def values_of(number: int, prefix: str = "new") -> dict[str, str]:
    """A row by its number. The rows that are read have a prefix of their own, so that inserts do not change them."""
    return {"slug": f"{prefix}-{number}", "url": f"https://example.com/{number}", "title": f"Page {number}"}


async def fill(engine: AsyncEngine) -> None:
    """Make the table anew, with some rows."""
    async with engine.begin() as connection:
        await connection.run_sync(METADATA.drop_all)
        await connection.run_sync(METADATA.create_all)
        await connection.execute(insert(PAGES), [values_of(number, "page") for number in range(ROWS)])
        await connection.exec_driver_sql("ANALYZE pages")
