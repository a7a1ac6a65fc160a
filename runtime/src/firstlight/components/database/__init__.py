"""The database of a service: SQLite in development, PostgreSQL by `DATABASE_URL`.

    BY_SLUG = Read(select(links.c.url).where(links.c.slug == bindparam("slug")))

    async def create(request: Request, body: NewLink) -> Response:
        async with DATABASE.of(request).transaction() as session:
            session.add(Link(slug=body.slug, url=body.url))
        return Response(status_code=201)  # after the block: the change is committed

    async def follow(request: Request) -> Response:
        row = await DATABASE.of(request).read_one(BY_SLUG, slug=request.path_params["slug"])

Where the database cannot be used, calls raise `DatabaseUnavailableError`, which clients get as 503.
"""

from .component import DATABASE
from .database import Database
from .failures import DatabaseUnavailableError
from .reads import Read
from .settings import DatabaseSettings

__all__ = ["DATABASE", "Database", "DatabaseSettings", "DatabaseUnavailableError", "Read"]
