# mypy: disable-error-code="import-not-found"
"""The emitted service with the example of a blog, and a route that fills it."""

import sys
from dataclasses import replace

from acme_links.api import posts
from firstlight import main
from firstlight.components.database import DATABASE
from sqlalchemy import text
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from .database_service import SERVICE as WITH_DATABASE

STEP = 500  # posts of one transaction, which the limit of a statement allows
ADD_POSTS = text("""
INSERT INTO posts (slug, title, body, author, created_at)
SELECT 'post-' || n, 'Post ' || n, 'topic' || n % 100 || repeat(' some words of the body ' || n % 7, 25), 'author',
       now() - n * interval '1 minute'
FROM generate_series(cast(:first AS integer), cast(:last AS integer)) AS n
""")
# 20 comments: five on the post, then two answers to each of those before, four levels deep.
ADD_COMMENTS = text("""
INSERT INTO comments (id, post, parent, author, text, created_at)
SELECT n * 20 + k + 1, 'post-' || n, CASE WHEN k >= 5 THEN n * 20 + (k - 5) / 2 + 1 END, 'reader', 'A comment.', now()
FROM generate_series(cast(:first AS integer), cast(:last AS integer)) AS n, generate_series(0, 19) AS k
""")
NEXT = text("SELECT setval(pg_get_serial_sequence('comments', 'id'), (SELECT max(id) FROM comments))")


async def fill(request: Request) -> PlainTextResponse:
    """Store so many posts, each with 20 comments."""
    count, database = int(request.path_params["count"]), DATABASE.of(request)
    for first in range(0, count, STEP):
        span = {"first": first, "last": min(first + STEP, count) - 1}
        async with database.transaction() as session:
            await session.execute(ADD_POSTS, span)
            await session.execute(ADD_COMMENTS, span)
    async with database.transaction() as session:
        await session.execute(NEXT)
    # As autovacuum would within a minute: until then each search reads the whole list of pending words.
    async with database.primary.engine.connect() as connection:
        await connection.execution_options(isolation_level="AUTOCOMMIT")
        await connection.execute(text("VACUUM ANALYZE posts, comments"))
    return PlainTextResponse("filled")


SERVICE = replace(
    WITH_DATABASE,
    routes=(*WITH_DATABASE.routes, *posts.OPERATIONS, Route("/fill/{count:int}", fill)),
    components=[*WITH_DATABASE.components, posts.POSTS],
)

if __name__ == "__main__":
    sys.exit(main(SERVICE))
