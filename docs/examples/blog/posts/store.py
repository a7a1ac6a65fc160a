"""Posts and comments in the database. Each method returns after the commit."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict
from typing import Any

from firstlight import Component, NoSettings, Surroundings
from firstlight.components.database import DATABASE, Database, Read
from firstlight.components.database.selection import columns_of, select_page, select_total
from firstlight.lists import Found, Selection
from firstlight.problems import ConflictError, NotFoundError
from sqlalchemy import Integer, bindparam, exists, insert, or_, select
from sqlalchemy.exc import IntegrityError

from . import tree
from .port import Comment, NewComment, Post, PostStore
from .tables import WORDS, comments, posts

COLUMNS = columns_of(posts)
BY_SLUG = Read(select(posts).where(posts.c.slug == bindparam("slug")))
# One statement: nobody can remove the post, or the parent, between a question and the insert.
_parent = bindparam("parent", type_=Integer)
_GIVEN = ("post", "parent", "author", "text", "created_at")
ADD_COMMENT = (
    insert(comments)
    .from_select(
        _GIVEN,
        select(posts.c.slug, _parent, *(bindparam(name, type_=comments.c[name].type) for name in _GIVEN[2:])).where(
            posts.c.slug == bindparam("slug"),
            or_(_parent.is_(None), exists().where(comments.c.id == _parent, comments.c.post == posts.c.slug)),
        ),
    )
    .returning(comments.c.id)
)


class DatabasePosts:
    """A `PostStore` in a database."""

    def __init__(self, database: Database) -> None:
        """The database has the tables of `tables.py`."""
        self._database = database
        self._words = WORDS if database.primary.dialect_name == "postgresql" else None

    async def add(self, post: Post) -> None:
        """See the port."""
        try:
            async with self._database.transaction() as session:
                await session.execute(insert(posts), asdict(post))
        except IntegrityError:
            msg = f"The slug {post.slug} is taken."
            raise ConflictError(msg) from None

    async def get(self, slug: str) -> Post:
        """See the port."""
        row = await self._database.read_one(BY_SLUG, slug=slug)
        if row is None:
            raise _missing()
        return _post(row)

    async def select(self, selection: Selection) -> Found[Post]:
        """See the port."""
        page = Read(select_page(select(posts), COLUMNS, selection, self._words))
        found = [_post(row) for row in await self._database.read(page)]
        if selection.count_to is None:
            return Found(found)
        count: Read[Any] = Read(select_total(select(posts), COLUMNS, selection, self._words))
        ((total,),) = await self._database.read(count)
        return Found(found, total)

    async def comment(self, slug: str, comment: NewComment) -> Comment:
        """See the port."""
        async with self._database.transaction() as session:
            added = await session.scalar(ADD_COMMENT, {"slug": slug, **asdict(comment)})
        if added is None:
            raise _missing()
        return Comment(id=added, **asdict(comment))

    async def comments(self, slug: str) -> Sequence[Comment]:
        """See the port."""
        rows = await self._database.read(tree.OF_A_POST, slug=slug)
        if not rows:
            await self.get(slug)
        return [Comment(id=row[0], parent=row[1], author=row[2], text=row[3], created_at=row[4]) for row in rows]


def _post(row: Sequence[Any]) -> Post:
    return Post(**dict(zip(COLUMNS, row, strict=True)))


def _missing() -> NotFoundError:
    return NotFoundError("There is no such post, or no such comment on it.")


@asynccontextmanager
async def open_store(surroundings: Surroundings[NoSettings]) -> AsyncIterator[PostStore]:
    """A store in the database of the service."""
    yield DatabasePosts(DATABASE.of(surroundings))


POSTS = Component(name="posts", settings=NoSettings, open=open_store, requires=("database",))
